#pragma once
#include <string>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Initializers: null means ones for gamma and zeros for beta.
struct LayerNormOptions {
  int64_t axis = -1;
  double epsilon = 1e-5;
  bool center = true;
  bool scale = true;
  int64_t in_channels = 0;
  InitializerPtr gamma_initializer = nullptr;
  InitializerPtr beta_initializer = nullptr;
  static constexpr auto fields() {
    return std::make_tuple(field("axis", &LayerNormOptions::axis, "axis that is normalized"),
                           field("epsilon", &LayerNormOptions::epsilon, "added to the variance"),
                           field("center", &LayerNormOptions::center, "trains beta; else it keeps its first value"),
                           field("scale", &LayerNormOptions::scale, "trains gamma; else it keeps its first value"),
                           field("in_channels", &LayerNormOptions::in_channels, "width; 0: from the first input"));
  }
};

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta over one axis (Ba, Kiros & Hinton 2016).
class LayerNorm final : public Block {
 public:
  explicit LayerNorm(const LayerNormOptions& options = {});
  std::string kind() const override { return "layer_norm"; }
  const LayerNormOptions& options() const { return options_; }
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  LayerNormOptions options_;
  Parameter gamma_, beta_;
};

}  // namespace quantick::nn
