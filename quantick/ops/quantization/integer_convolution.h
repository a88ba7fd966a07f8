#pragma once
// Exact integer convolutions with zero points, channels first as ONNX has them: what conv_integer and qlinear_conv
// share. For interchange, not for speed.
#include <string_view>
#include <vector>

#include "quantick/ops/operator.h"

namespace quantick {

/// Of x [batch, channels, width] or [batch, channels, height, width].
struct IntegerConvolutionAttrs {
  std::vector<int64_t> strides, pads, dilations;
  int64_t groups = 1;
  static constexpr auto fields() {
    using A = IntegerConvolutionAttrs;
    return std::make_tuple(
        field("strides", &A::strides, "per axis; empty: 1"),
        field("pads", &A::pads, "codes of 0 at the begin of each axis, then at the ends; empty: none"),
        field("dilations", &A::dilations, "distance of taps per axis; empty: 1"),
        field("groups", &A::groups, "groups of channels that do not see each other"));
  }
};

/// The shape that x and w [outputs, channels / groups, window...] give: [batch, outputs, ...].
Shape integer_convolution_shape(std::string_view who, const IntegerConvolutionAttrs& attrs, const Shape& x,
                                const Shape& w);

/// Checks a zero point or scale of w: one element, or one per output channel.
void check_per_channel(std::string_view who, std::string_view what, const Shape& given, int64_t channels);

/// sum (x - x_zero)(w - w_zero) in int64, 0 beyond the edges; zero points may be undefined.
Array integer_convolution(const IntegerConvolutionAttrs& attrs, const Array& x, const Array& x_zero, const Array& w,
                          const Array& w_zero);

/// The same for truths, in float64: each product of an input and a weight is added to the output that it belongs to.
std::vector<double> plain_convolution(const IntegerConvolutionAttrs& attrs, const Array& x, const Array& x_zero,
                                      const Array& w, const Array& w_zero);

}  // namespace quantick
