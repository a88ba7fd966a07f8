#pragma once
// DeepLOB (Zhang, Zohren & Roberts 2019, IEEE Trans. Signal Processing 67), for limit order books: convolutions over
// the levels of a book and over time, an inception block, an LSTM. What differs from the paper:
// - all that reads the past is causal: convolutions over time and the pooling see zeros, or nothing, before the start
//   instead of padding on both sides, so that a tick computes one row of each layer;
// - the levels come last but one, (T, N, levels, channels), and a convolution over levels with stride = window is a
//   Dense over the joined levels: the same products;
// - the output are scores; a loss or the reader takes the softmax.
#include "quantick/nn/block.h"

namespace quantick::nn::zoo {

struct DeepLOBOptions {
  int64_t features = 40;     ///< per step, level by level: price and size of the ask, price and size of the bid
  int64_t channels = 16;     ///< of the convolutions; the branches of the inception block have twice as many
  int64_t hidden_size = 64;  ///< of the LSTM
  int64_t outputs = 3;
};

/// (T, N, features) -> (N, outputs), from the newest step. Children: "price_size", "sides", "levels" (the joins of
/// prices with sizes, of asks with bids, of all levels, each followed by two convolutions over time), "short", "long",
/// "pooled" (branches of the inception block), "lstm", "output".
class DeepLOB final : public Block {
 public:
  /// Throws ValueError for features that are no multiple of 4, and for sizes below 1.
  explicit DeepLOB(const DeepLOBOptions& options = {});
  std::string kind() const override { return "deeplob"; }
  Arrays forward(const Arrays& inputs) override;
};

}  // namespace quantick::nn::zoo
