#pragma once
// Residual networks for small images (He et al. 2015, v1; 2016, v2), in Gluon's block structure.
#include <string>
#include <vector>

#include "quantick/nn/block.h"

namespace quantick::nn::zoo {

struct ResNetOptions {
  int version = 1;                                   ///< 1, or 2: normalization and activation before the convolutions
  std::vector<int64_t> layers = {2, 2, 2};           ///< blocks of each stage
  std::vector<int64_t> channels = {16, 16, 32, 64};  ///< of the first convolution, then of each stage
  int64_t classes = 10;
};

/// (N, C, H, W) -> (N, classes). Each stage but the first halves height and width. Children: "features", "output".
class ResNet final : public Block {
 public:
  /// Throws ValueError for a version other than 1 and 2, or lists that do not fit each other.
  explicit ResNet(const ResNetOptions& options = {});
  std::string kind() const override { return "resnet"; }
  Arrays forward(const Arrays& inputs) override;
};

}  // namespace quantick::nn::zoo
