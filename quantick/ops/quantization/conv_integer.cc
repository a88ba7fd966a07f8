#include "quantick/ops/define.h"
#include "quantick/ops/quantization/integer_convolution.h"
#include "quantick/ops/quantization/integer_matmul.h"

namespace quantick {
namespace {

struct ConvInteger {
  static constexpr std::string_view name = "conv_integer", family = "quantization", onnx = "ConvInteger";
  static constexpr std::string_view summary =
      "The convolution of x - x_zero with w - w_zero in int32, modulo 2^32: x [batch, channels, width] or "
      "[batch, channels, height, width], w [outputs, channels / groups, window...] int8 or uint8.";
  static constexpr int optional_inputs = 2;
  using Attrs = IntegerConvolutionAttrs;
  static std::vector<std::string> inputs() { return {"x", "w", "x_zero", "w_zero"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_codes8(name, "x", in[0]);
    check_codes8(name, "w", in[1]);
    const Shape shape = integer_convolution_shape(name, attrs, in[0].shape, in[1].shape);
    for (size_t i = 2; i < in.size(); ++i) {
      if (is_absent(in[i])) continue;
      const std::string_view what = i == 2 ? "x_zero" : "w_zero";
      check_same_dtype(name, what, in[i], in[i - 2].dtype);
      check_per_channel(name, what, in[i].shape, i == 2 ? 1 : in[1].shape[0]);
    }
    return {{DType::i32, shape}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {integer_convolution(attrs, in[0], optional(in, 2), in[1], optional(in, 3)).astype(DType::i32)};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    return {Array::from(plain_convolution(attrs, in[0], optional(in, 2), in[1], optional(in, 3)),
                        integer_convolution_shape(name, attrs, in[0].shape(), in[1].shape()))};
  }

  static Array optional(std::span<const Array> in, size_t index) { return index < in.size() ? in[index] : Array(); }

  static std::vector<OperatorSample> samples() {
    const auto u8 = [](const Shape& shape) { return TensorType{DType::u8, shape}; };
    const auto i8 = [](const Shape& shape) { return TensorType{DType::i8, shape}; };
    return {{{i8({2, 3, 9}), i8({4, 3, 3})}, to_attributes(Attrs{}), -128, 128},
            {{u8({2, 4, 9}), i8({6, 2, 3}), u8({}), i8({6})}, to_attributes(Attrs{{2}, {2, 1}, {2}, 2}), 0, 128},
            {{u8({1, 2, 7, 5}), u8({3, 2, 3, 2}), u8({1}), u8({3})},
             to_attributes(Attrs{{2, 1}, {1, 0, 2, 1}, {1, 2}, 1}),
             0,
             256},
            {{i8({0, 3, 9}), i8({4, 3, 3})}, to_attributes(Attrs{}), -2, 2}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const auto i8 = [](const Shape& shape) { return TensorType{DType::i8, shape}; };
    const TensorType x = i8({2, 4, 9}), w = i8({6, 2, 3});
    return {
        {{x, w}, to_attributes(Attrs{}), "[conv_integer] channels of x, was 4, expected 2"},
        {{x, w}, to_attributes(Attrs{{}, {}, {}, 4}), "[conv_integer] groups, was 4, expected a divisor of 6"},
        {{x, w}, to_attributes(Attrs{{1, 1}, {}, {}, 2}), "[conv_integer] strides, were 2 values, expected none or 1"},
        {{x, w}, to_attributes(Attrs{{}, {1}, {}, 2}), "[conv_integer] pads, were 1 values, expected none or 2"},
        {{x, w}, to_attributes(Attrs{{}, {}, {0}, 2}), "[conv_integer] dilations, held 0, expected >= 1"},
        {{i8({4, 9}), w}, to_attributes(Attrs{}), "[conv_integer] x, was (4, 9), expected [batch, channels"},
        {{x, w, i8({}), i8({2})},
         to_attributes(Attrs{{}, {}, {}, 2}),
         "[conv_integer] w_zero, was (2,), expected one element or (6,)"}};
  }
};

}  // namespace

const Operator& conv_integer_operator() { return operator_row<ConvInteger>(); }

Array conv_integer(const Array& x, const Array& w, const Array& x_zero, const Array& w_zero,
                   const std::vector<int64_t>& strides, const std::vector<int64_t>& pads,
                   const std::vector<int64_t>& dilations, int64_t groups) {
  return invoke1(conv_integer_operator(), to_attributes(IntegerConvolutionAttrs{strides, pads, dilations, groups}),
                 {x, w, x_zero, w_zero});
}

}  // namespace quantick
