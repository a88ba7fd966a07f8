#include "quantick/nn/layer_norm.h"

#include <utility>

#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

LayerNorm::LayerNorm(const LayerNormOptions& options) : options_(options) {
  QTK_CHECK(options.epsilon > 0, ValueError, "[layer_norm] epsilon, was {}, expected > 0", options.epsilon);
  QTK_CHECK(options.in_channels >= 0, ValueError, "[layer_norm] in_channels, was {}, expected >= 0",
            options.in_channels);
  const Shape width{options.in_channels};
  gamma_ = register_parameter("gamma", width, options.gamma_initializer ? options.gamma_initializer : ones());
  beta_ = register_parameter("beta", width, options.beta_initializer ? options.beta_initializer : zeros());
  if (!options.scale) gamma_.set_grad_req("null");
  if (!options.center) beta_.set_grad_req("null");
}

void LayerNorm::infer_shapes(const Types& inputs) {
  const Shape width{one_input(inputs, "layer_norm").shape[static_cast<int>(options_.axis)]};
  gamma_.infer_shape(width);
  beta_.infer_shape(width);
}

Arrays LayerNorm::forward(const Arrays& inputs) {
  const Array& x = inputs[0];
  const int axis = x.shape().normalize_axis(static_cast<int>(options_.axis));
  if (axis == x.ndim() - 1) return {layer_norm(x, gamma_.data(), beta_.data(), options_.epsilon)};
  // The operator works on the last axis; swapping two axes is its own inverse.
  std::vector<int64_t> axes;
  for (int i = 0; i < x.ndim(); ++i) axes.push_back(i);
  std::swap(axes[static_cast<size_t>(axis)], axes.back());
  return {transpose(layer_norm(transpose(x, axes), gamma_.data(), beta_.data(), options_.epsilon), axes)};
}

}  // namespace quantick::nn
