#pragma once
// Networks of nn/zoo that carry state from tick to tick, quantized: what `quantick check bits` runs beside single
// operators.
#include <string>
#include <utility>
#include <vector>

#include "quantick/runtime/program.h"

namespace quantick::cli {

/// "deeplob", "tcn", "causal cnn", "transformer", each calibrated ("deeplob int8") and with dynamic scales. Small, with
/// random weights.
std::vector<std::pair<std::string, runtime::Program>> zoo_programs(uint64_t seed);

}  // namespace quantick::cli
