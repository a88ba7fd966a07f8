#include <algorithm>
#include <cmath>

#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/quantization/code_type.h"
#include "quantick/ops/quantization/integer_convolution.h"
#include "quantick/ops/quantization/integer_matmul.h"

namespace quantick {
namespace {

struct QLinearConv {
  static constexpr std::string_view name = "qlinear_conv", family = "quantization", onnx = "QLinearConv";
  static constexpr std::string_view summary =
      "Codes sat(round((sum + bias) * S) + y_zero) of the exact integer convolution, S = (x_scale * w_scale) / y_scale "
      "in the scales' dtype; the int32 bias has the scale x_scale * w_scale.";
  static constexpr int optional_inputs = 1;
  using Attrs = IntegerConvolutionAttrs;
  static std::vector<std::string> inputs() {
    return {"x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "bias"};
  }

  static Types infer(const Attrs& attrs, const Types& in) {
    for (const size_t i : {size_t{0}, size_t{3}}) {
      const std::string what = i == 0 ? "x" : "w";
      check_codes8(name, what, in[i]);
      check_float(name, what + "_scale", in[i + 1]);
      check_same_dtype(name, what + "_zero", in[i + 2], in[i].dtype);
    }
    const Shape shape = integer_convolution_shape(name, attrs, in[0].shape, in[3].shape);
    const int64_t outputs = in[3].shape[0];
    for (const size_t i : {size_t{1}, size_t{2}, size_t{4}, size_t{5}, size_t{6}, size_t{7}})
      check_per_channel(name, inputs()[i], in[i].shape, i == 4 || i == 5 ? outputs : 1);
    check_same_dtype(name, "w_scale", in[4], in[1].dtype);
    check_same_dtype(name, "y_scale", in[6], in[1].dtype);
    check_codes8(name, "y_zero", in[7]);
    if (in.size() > 8 && !is_absent(in[8])) {
      check_same_dtype(name, "bias", in[8], DType::i32);
      check_ndim(name, "bias", in[8], 1);
      check_extent(name, "bias length", in[8].shape[0], outputs);
    }
    return {{in[7].dtype, shape}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array sums = integer_convolution(attrs, in[0], in[2], in[3], in[5]);
    const CodeType& type = find_code_type(dtype_name(in[7].dtype()), name);
    const auto zero = static_cast<int32_t>(in[7].item());
    const int64_t outputs = sums.shape()[1];
    const auto bias = in.size() > 8 && in[8].defined() ? in[8].to_vector<int64_t>()
                                                       : std::vector<int64_t>(static_cast<size_t>(outputs));
    int64_t plane = 1;
    for (int i = 2; i < sums.ndim(); ++i) plane *= sums.shape()[i];
    Array codes = Array::empty(sums.shape(), DType::i32);
    visit_float(in[1].dtype(), [&](auto of_scale) {
      using T = decltype(of_scale);
      const auto x_scale = static_cast<T>(in[1].item()), y_scale = static_cast<T>(in[6].item());
      const auto w_scale = in[4].to_vector<T>();
      const auto* a = sums.data<int64_t>();
      auto* y = codes.mutable_data<int32_t>();
      for (int64_t i = 0; i < sums.size(); ++i) {
        const auto r = static_cast<size_t>(i / plane % outputs);
        const T scale = x_scale * w_scale[w_scale.size() == 1 ? 0 : r] / y_scale;
        y[i] = round_to_integer_code(static_cast<T>(a[i] + bias[r]) * scale, zero, type.low, type.high);
      }
    });
    return {codes.astype(in[7].dtype())};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Shape shape = integer_convolution_shape(name, attrs, in[0].shape(), in[3].shape());
    std::vector<double> y = plain_convolution(attrs, in[0], in[2], in[3], in[5]);
    Shape column(std::vector<int64_t>(static_cast<size_t>(shape.ndim()), 1));
    const auto by_output = [&](const Array& x) {
      column[1] = x.size();
      return values_as(x.reshape(column), shape);
    };
    const auto scale = by_output(in[4]);
    const auto bias = in.size() > 8 ? by_output(in[8]) : std::vector<double>(y.size());
    const double low = in[7].dtype() == DType::i8 ? -128 : 0;
    for (size_t i = 0; i < y.size(); ++i)
      y[i] = std::clamp(std::nearbyint((y[i] + bias[i]) * in[1].item() * scale[i] / in[6].item()) + in[7].item(), low,
                        low + 255);
    return {Array::from(y, shape)};
  }

  static Types types(DType x, DType w, DType y, const Shape& of_x, const Shape& of_w, const Shape& per_output) {
    return {{x, of_x},           float32({}),     {x, Shape{}}, {w, of_w},
            float32(per_output), {w, per_output}, float32({}),  {y, Shape{}}};
  }
  static Types with_bias(Types types, int64_t outputs) {
    types.push_back({DType::i32, Shape{outputs}});
    return types;
  }

  static std::vector<OperatorSample> samples() {
    const DType i8 = DType::i8, u8 = DType::u8;
    return {
        {types(u8, u8, u8, {2, 3, 9}, {4, 3, 3}, {}), to_attributes(Attrs{}), 0.5, 9},
        {with_bias(types(u8, i8, i8, {2, 4, 9}, {6, 2, 3}, {6}), 6), to_attributes(Attrs{{2}, {2, 1}, {2}, 2}), 0.5, 9},
        {with_bias(types(i8, i8, i8, {1, 2, 7, 5}, {3, 2, 3, 2}, {3}), 3),
         to_attributes(Attrs{{2, 1}, {1, 0, 2, 1}, {1, 2}, 1}), 0.5, 7},
        {types(i8, i8, i8, {0, 3, 9}, {4, 3, 3}, {1}), to_attributes(Attrs{}), 0.5, 9}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const DType i8 = DType::i8;
    return {{types(i8, i8, i8, {2, 4, 9}, {6, 2, 3}, {}), to_attributes(Attrs{}),
             "[qlinear_conv] channels of x, was 4, expected 2"},
            {types(i8, i8, i8, {2, 2, 9}, {6, 2, 3}, {5}), to_attributes(Attrs{}),
             "[qlinear_conv] w_scale, was (5,), expected one element or (6,)"},
            {types(i8, i8, DType::i16, {2, 2, 9}, {6, 2, 3}, {}), to_attributes(Attrs{}),
             "[qlinear_conv] y_zero, was int16, expected int8 or uint8"},
            {with_bias(types(i8, i8, i8, {2, 2, 9}, {6, 2, 3}, {}), 5), to_attributes(Attrs{}),
             "[qlinear_conv] bias length, was 5, expected 6"}};
  }
};

}  // namespace

const Operator& qlinear_conv_operator() { return operator_row<QLinearConv>(); }

Array qlinear_conv(const Array& x, const Array& x_scale, const Array& x_zero, const Array& w, const Array& w_scale,
                   const Array& w_zero, const Array& y_scale, const Array& y_zero, const Array& bias,
                   const std::vector<int64_t>& strides, const std::vector<int64_t>& pads,
                   const std::vector<int64_t>& dilations, int64_t groups) {
  return invoke1(qlinear_conv_operator(), to_attributes(IntegerConvolutionAttrs{strides, pads, dilations, groups}),
                 {x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias});
}

}  // namespace quantick
