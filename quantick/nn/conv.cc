#include "quantick/nn/conv.h"

#include <fmt/format.h>

#include "quantick/nn/activation.h"
#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {
namespace {

std::string_view class_of(int axes) { return axes == 1 ? "conv1d" : "conv2d"; }

}  // namespace

std::vector<int64_t> per_axis(const std::vector<int64_t>& values, int axes, int64_t least, std::string_view who,
                              std::string_view what) {
  const auto n = static_cast<size_t>(axes);
  QTK_CHECK(values.size() == 1 || values.size() == n, ValueError, "[{}] {}, were {} values, expected 1 or {}", who,
            what, values.size(), n);
  for (const int64_t v : values)
    QTK_CHECK(v >= least, ValueError, "[{}] {}, was {}, expected >= {}", who, what, v, least);
  return values.size() == n ? values : std::vector<int64_t>(n, values[0]);
}

Convolution::Convolution(int axes, int64_t channels, const std::vector<int64_t>& kernel_size,
                         const ConvOptions& options)
    : channels_(channels), options_(options), time_major_(options.layout == "TNC") {
  const std::string_view who = class_of(axes);
  QTK_CHECK(channels > 0, ValueError, "[{}] channels, was {}, expected > 0", who, channels);
  kernel_ = per_axis(kernel_size, axes, 1, who, "kernel_size");
  options_.strides = per_axis(options.strides, axes, 1, who, "strides");
  options_.padding = per_axis(options.padding, axes, 0, who, "padding");
  options_.dilation = per_axis(options.dilation, axes, 1, who, "dilation");
  QTK_CHECK(options.in_channels >= 0, ValueError, "[{}] in_channels, was {}, expected >= 0 (0: from the first input)",
            who, options.in_channels);
  QTK_CHECK(options.groups > 0 && channels % options.groups == 0 && options.in_channels % options.groups == 0,
            ValueError, "[{}] groups, was {}, expected a divisor of {} channels and {} in_channels", who,
            options.groups, channels, options.in_channels);
  const std::string usual = axes == 1 ? "NCW" : "NCHW";
  if (options.layout.empty()) options_.layout = usual;
  QTK_CHECK(options_.layout == usual || (axes == 1 && time_major_), ValueError, "[{}] layout, was {}, expected {}", who,
            options.layout, axes == 1 ? "NCW or TNC" : usual);
  QTK_CHECK(!time_major_ || (options.causal && options_.strides[0] == 1), ValueError,
            "[{}] layout TNC, has causal {} and strides {}, expected true and 1", who, options.causal,
            options_.strides[0]);
  QTK_CHECK(!options.causal || (axes == 1 && options_.padding[0] == 0), ValueError,
            "[{}] causal, has padding {}, expected 0 and one axis: causal pads the start by itself", who,
            options_.padding[0]);
  check_activation(options.activation, who);
  Shape shape{channels, options.in_channels / options.groups};
  for (const int64_t k : kernel_) shape.push_back(k);
  weight_ = register_parameter("weight", shape, options.weight_initializer);
  if (options.use_bias)
    bias_ = register_parameter("bias", {channels}, options.bias_initializer ? options.bias_initializer : zeros());
  quantization().enabled = options.quantization;
}

void Convolution::infer_shapes(const Types& inputs) {
  const auto axes = static_cast<int>(kernel_.size());
  const Shape& x = one_input(inputs, class_of(axes)).shape;
  QTK_CHECK(x.ndim() == axes + 2 || (time_major_ && x.ndim() > axes + 2), ShapeError,
            "[{}] input shape, was {}, expected {} axes, {} (layer \"{}\")", class_of(axes), x.text(), axes + 2,
            options_.layout, name());
  const int64_t in = x[time_major_ ? -1 : 1];
  Shape shape = weight_.shape();
  QTK_CHECK(in % options_.groups == 0 && (shape[1] == 0 || shape[1] * options_.groups == in), ShapeError,
            "[{}] input channels, was {}, expected {} (layer \"{}\")", class_of(axes), in,
            shape[1] == 0 ? fmt::format("a multiple of {} groups", options_.groups)
                          : fmt::format("{}", shape[1] * options_.groups),
            name());
  shape[1] = in / options_.groups;
  weight_.infer_shape(shape);
}

Arrays Convolution::forward(const Arrays& inputs) {
  const Array bias = options_.use_bias ? bias_.data() : Array();
  if (time_major_)
    return {activate(causal_convolution(inputs[0], weight_.data(), bias, options_.dilation[0], options_.groups),
                     options_.activation)};
  std::vector<int64_t> pads = options_.padding;
  pads.insert(pads.end(), options_.padding.begin(), options_.padding.end());
  if (options_.causal) pads[0] = (kernel_[0] - 1) * options_.dilation[0];
  return {
      activate(convolution(inputs[0], weight_.data(), bias, options_.strides, pads, options_.dilation, options_.groups),
               options_.activation)};
}

}  // namespace quantick::nn
