#pragma once
// Reductions over channel axes in a fixed-bits program: a row becomes float32, each group of channels that one output
// channel stands for is gathered in the order of its axes, and one function reduces it.
#include <memory>
#include <string_view>
#include <vector>

#include "quantick/ops/integer_form.h"

namespace quantick {

/// The reduction of n float32 values, in an order fixed by n alone.
using GroupFunction = float (*)(const float* x, int64_t n);

/// `axes` count from the full tensor, leading axes included. Throws UnsupportedError where they reach steps or batch.
std::unique_ptr<IntegerNode> make_reduce_node(const PrepareCall& call, std::string_view who,
                                              const std::vector<int64_t>& axes, GroupFunction function);

}  // namespace quantick
