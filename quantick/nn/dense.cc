#include "quantick/nn/dense.h"

#include "quantick/nn/activation.h"
#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

Dense::Dense(int64_t units, const DenseOptions& options) : units_(units), options_(options) {
  QTK_CHECK(units > 0, ValueError, "[dense] units, was {}, expected > 0", units);
  QTK_CHECK(options.in_units >= 0, ValueError, "[dense] in_units, was {}, expected >= 0 (0: from the first input)",
            options.in_units);
  check_activation(options.activation, "dense");
  weight_ = register_parameter("weight", {units, options.in_units}, options.weight_initializer);
  if (options.use_bias)
    bias_ = register_parameter("bias", {units}, options.bias_initializer ? options.bias_initializer : zeros());
  quantization().enabled = options.quantization;
}

void Dense::infer_shapes(const Types& inputs) {
  const Shape& x = one_input(inputs, "dense").shape;
  QTK_CHECK(x.ndim() >= (options_.flatten ? 2 : 1), ShapeError,
            "[dense] input shape, was {}, expected (N, ...) with flatten, (..., C) without (layer \"{}\")", x.text(),
            name());
  int64_t width = x[-1];
  if (options_.flatten) {
    width = 1;
    for (int axis = 1; axis < x.ndim(); ++axis) width *= x[axis];
  }
  const int64_t known = weight_.shape()[1];
  QTK_CHECK(known == 0 || known == width, ShapeError, "[dense] input columns, was {}, expected {} (layer \"{}\"{})",
            width, known, name(),
            options_.flatten && x.ndim() > 2 ? "; flatten joins all axes but the first, see Dense options" : "");
  weight_.infer_shape({units_, width});
}

Arrays Dense::forward(const Arrays& inputs) {
  const Array bias = options_.use_bias ? bias_.data() : Array();
  return {activate(dense(inputs[0], weight_.data(), bias, options_.flatten), options_.activation)};
}

}  // namespace quantick::nn
