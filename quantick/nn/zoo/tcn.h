#pragma once
// Temporal convolutional network (Bai, Kolter & Koltun 2018): residual blocks of dilated causal convolutions.
#include <string>
#include <vector>

#include "quantick/nn/block.h"

namespace quantick::nn::zoo {

struct TCNOptions {
  std::vector<int64_t> channels = {32, 32, 32};  ///< of each block; block k has dilation 2^k
  int64_t kernel_size = 3;
  double dropout = 0;
  std::string norm = "layer";  ///< after each convolution: layer, batch, or none
  int64_t outputs = 1;
};

/// (T, N, C) -> (N, outputs), from the newest step. Children: "blocks", "output".
class TCN final : public Block {
 public:
  /// Throws ValueError for an unknown norm.
  explicit TCN(const TCNOptions& options = {});
  std::string kind() const override { return "tcn"; }
  Arrays forward(const Arrays& inputs) override;
};

}  // namespace quantick::nn::zoo
