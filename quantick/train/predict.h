#pragma once
// Forward passes over a dataset.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quantick/nn/block.h"
#include "quantick/train/dataset.h"

namespace quantick::train {

struct PredictOptions {
  int64_t batch_size = 256;
  /// "TNC": the network sees (L, n, F); "NTC": (n, L, F), e.g. for a Dense that flattens the window.
  std::string layout = "TNC";
};

/// Inputs of a batch in the layout the network wants.
Array batch_inputs(const Dataset& dataset, std::span<const int64_t> ids, const std::string& layout);

/// First output of the network for each id, row by row (ids.size() * O values). Batches all have batch_size rows, the
/// last one is filled up by repeating its last sample, so that later ids cannot change the bits of earlier ones.
std::vector<float> predict(nn::Block& net, const Dataset& dataset, std::span<const int64_t> ids,
                           const PredictOptions& options = {});
/// All samples.
std::vector<float> predict(nn::Block& net, const Dataset& dataset, const PredictOptions& options = {});

}  // namespace quantick::train
