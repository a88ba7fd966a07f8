#include "quantick/nn/batch_norm.h"

#include "quantick/autograd/autograd.h"
#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

BatchNorm::BatchNorm(const BatchNormOptions& options) : options_(options) {
  QTK_CHECK(options.epsilon > 0, ValueError, "[batch_norm] epsilon, was {}, expected > 0", options.epsilon);
  QTK_CHECK(options.momentum >= 0 && options.momentum <= 1, ValueError, "[batch_norm] momentum, was {}, expected 0..1",
            options.momentum);
  QTK_CHECK(options.in_channels >= 0, ValueError, "[batch_norm] in_channels, was {}, expected >= 0",
            options.in_channels);
  const Shape width{options.in_channels};
  gamma_ = register_parameter("gamma", width, options.gamma_initializer ? options.gamma_initializer : ones());
  beta_ = register_parameter("beta", width, options.beta_initializer ? options.beta_initializer : zeros());
  running_mean_ = register_parameter("running_mean", width,
                                     options.running_mean_initializer ? options.running_mean_initializer : zeros());
  running_var_ = register_parameter(
      "running_var", width, options.running_variance_initializer ? options.running_variance_initializer : ones());
  if (!options.scale) gamma_.set_grad_req("null");
  if (!options.center) beta_.set_grad_req("null");
  running_mean_.set_grad_req("null");
  running_var_.set_grad_req("null");
}

void BatchNorm::infer_shapes(const Types& inputs) {
  const Shape width{one_input(inputs, "batch_norm").shape[static_cast<int>(options_.axis)]};
  for (Parameter* parameter : {&gamma_, &beta_, &running_mean_, &running_var_}) parameter->infer_shape(width);
}

Arrays BatchNorm::forward(const Arrays& inputs) {
  return {batch_norm(inputs[0], gamma_.data(), beta_.data(), running_mean_.data(), running_var_.data(),
                     static_cast<int>(options_.axis), options_.epsilon, options_.momentum,
                     autograd::is_training() && !options_.use_global_stats)};
}

}  // namespace quantick::nn
