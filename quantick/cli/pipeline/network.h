#pragma once
// The networks a run file can name.
#include <memory>

#include "quantick/cli/run_config.h"
#include "quantick/nn/nn.h"

namespace quantick::cli {

/// Samples [window, batch, features] (time-major) to one score each, [batch, 1]. Initialized from the run's seed.
std::unique_ptr<nn::Sequential> make_network(const RunConfig& config, int64_t features);

}  // namespace quantick::cli
