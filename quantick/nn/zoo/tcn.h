#pragma once
// Temporal convolutional network (Bai, Kolter & Koltun 2018): residual blocks of dilated causal convolutions.
#include <string>
#include <vector>

#include "quantick/nn/block.h"

namespace quantick::nn::zoo {

struct TCNOptions {
  std::vector<int64_t> channels = {32, 32, 32};  ///< of each block
  int64_t kernel_size = 3;
  double dropout = 0;
  std::string norm = "layer";  ///< after each convolution: layer, batch, or none
  int64_t outputs = 1;
  int64_t inputs = 0;         ///< width of the input; 0: not known, the first block has a convolution around its body
  int64_t convolutions = 2;   ///< of each block
  int64_t dilation_base = 2;  ///< block k has dilation dilation_base^k
};

/// A plain causal network: one convolution of 8 taps per block, without dilation and normalization, on as many inputs
/// as channels.
TCNOptions causal_cnn(int64_t blocks, int64_t channels);

/// (T, N, C) -> (N, outputs), from the newest step. Children: "blocks", "output".
class TCN final : public Block {
 public:
  /// Throws ValueError for an unknown norm, and for options below 1 (inputs: below 0).
  explicit TCN(const TCNOptions& options = {});
  std::string kind() const override { return "tcn"; }
  Arrays forward(const Arrays& inputs) override;
};

}  // namespace quantick::nn::zoo
