#pragma once
// The networks a run file can name.
#include <memory>

#include "quantick/cli/run_config.h"
#include "quantick/nn/nn.h"

namespace quantick::cli {

/// Whether a sample is a whole date, its instruments seen together.
bool sees_whole_dates(const RunConfig& config);

/// The network's input for one sample: [window, 1, features] (time-major), or [1, instruments, window * features] where
/// it sees whole dates.
Shape input_shape(const RunConfig& config, int64_t features, int64_t instruments = 1);

/// Inputs of input_shape, with any number of samples, to one score for each sample, [batch, 1], or for each of a date's
/// instruments, [dates, instruments, 1]. Initialized from the run's seed.
std::unique_ptr<nn::Sequential> make_network(const RunConfig& config, int64_t features);

}  // namespace quantick::cli
