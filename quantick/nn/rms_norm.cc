#include "quantick/nn/rms_norm.h"

#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

RMSNorm::RMSNorm(const RMSNormOptions& options) : options_(options) {
  QTK_CHECK(options.epsilon > 0, ValueError, "[rms_norm] epsilon, was {}, expected > 0", options.epsilon);
  QTK_CHECK(options.in_channels >= 0, ValueError, "[rms_norm] in_channels, was {}, expected >= 0", options.in_channels);
  gamma_ = register_parameter("gamma", {options.in_channels},
                              options.gamma_initializer ? options.gamma_initializer : ones());
}

void RMSNorm::infer_shapes(const Types& inputs) { gamma_.infer_shape({one_input(inputs, "rms_norm").shape[-1]}); }

Arrays RMSNorm::forward(const Arrays& inputs) { return {rms_norm(inputs[0], gamma_.data(), options_.epsilon)}; }

}  // namespace quantick::nn
