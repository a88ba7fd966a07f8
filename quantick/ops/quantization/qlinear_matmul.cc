#include <algorithm>
#include <cmath>

#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/quantization/code_type.h"
#include "quantick/ops/quantization/integer_matmul.h"

namespace quantick {
namespace {

struct QLinearMatMul {
  static constexpr std::string_view name = "qlinear_matmul", family = "quantization", onnx = "QLinearMatMul";
  static constexpr std::string_view summary =
      "Codes sat(round(sum * S) + y_zero) of the exact integer product, S = (a_scale * b_scale) / y_scale in the "
      "scales' "
      "dtype. a by rows, b by columns.";
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() {
    return {"a", "a_scale", "a_zero", "b", "b_scale", "b_zero", "y_scale", "y_zero"};
  }

  static Types infer(const Attrs&, const Types& in) {
    for (const size_t i : {size_t{0}, size_t{3}}) {
      const std::string matrix = i == 0 ? "a" : "b";
      check_codes8(name, matrix, in[i]);
      check_float(name, matrix + "_scale", in[i + 1]);
      check_same_dtype(name, matrix + "_zero", in[i + 2], in[i].dtype);
    }
    const Shape shape = product_shape(name, in[0].shape, in[3].shape);
    for (const size_t i : {size_t{1}, size_t{2}, size_t{4}, size_t{5}})
      line_shape(name, inputs()[i], in[i < 3 ? 0 : 3].shape, in[i].shape, i < 3 ? Lines::rows : Lines::columns);
    check_same_dtype(name, "b_scale", in[4], in[1].dtype);
    check_same_dtype(name, "y_scale", in[6], in[1].dtype);
    check_codes8(name, "y_zero", in[7]);
    check_extent(name, "elements of y_scale", in[6].shape.size(), 1);
    check_extent(name, "elements of y_zero", in[7].shape.size(), 1);
    return {{in[7].dtype, shape}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const Array sums = integer_matmul(in[0], in[2], in[3], in[5]);
    const CodeType& type = find_code_type(dtype_name(in[7].dtype()), name);
    const auto zero = static_cast<int32_t>(in[7].item());
    return {visit_float(in[1].dtype(), [&](auto of_scale) {
              using T = decltype(of_scale);
              const auto y_scale = static_cast<T>(in[6].item());
              const Array scale = map_binary<T, T>(
                  in[1].reshape(line_shape(name, "a_scale", in[0].shape(), in[1].shape(), Lines::rows)),
                  in[4].reshape(line_shape(name, "b_scale", in[3].shape(), in[4].shape(), Lines::columns)),
                  [=](T a, T b) { return a * b / y_scale; });
              const Array wide = scale.broadcast_to(sums.shape()).contiguous();
              const auto* s = wide.template data<T>();
              const auto* a = sums.data<int64_t>();
              Array out = Array::empty(sums.shape(), DType::i32);
              auto* y = out.mutable_data<int32_t>();
              for (int64_t i = 0; i < sums.size(); ++i)
                y[i] = round_to_integer_code(static_cast<T>(a[i]) * s[i], zero, type.low, type.high);
              return out;
            }).astype(in[7].dtype())};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const Shape shape = product_shape(name, in[0].shape(), in[3].shape());
    std::vector<double> y = plain_matmul(in[0], in[2], in[3], in[5]);
    const auto a = values_as(in[1].reshape(line_shape(name, "a", in[0].shape(), in[1].shape(), Lines::rows)), shape);
    const auto b = values_as(in[4].reshape(line_shape(name, "b", in[3].shape(), in[4].shape(), Lines::columns)), shape);
    const double low = in[7].dtype() == DType::i8 ? -128 : 0;
    for (size_t i = 0; i < y.size(); ++i)
      y[i] = std::clamp(std::nearbyint(y[i] * a[i] * b[i] / in[6].item()) + in[7].item(), low, low + 255);
    return {Array::from(y, shape)};
  }

  static Types types(DType a, DType b, DType y, const Shape& of_a, const Shape& of_b, const Shape& rows = {},
                     const Shape& columns = {}) {
    return {{a, of_a}, float32(rows), {a, rows}, {b, of_b}, float32(columns), {b, columns}, float32({}), {y, Shape{}}};
  }

  static std::vector<OperatorSample> samples() {
    const DType i8 = DType::i8, u8 = DType::u8;
    return {{types(u8, u8, u8, {3, 5}, {5, 4}), {}, 0.5, 12},
            {types(i8, i8, i8, {67, 33}, {33, 19}, {67}, {19}), {}, 0.5, 8},
            {types(u8, i8, u8, {2, 3, 5}, {2, 5, 4}, {2, 3, 1}, {2, 1, 4}), {}, 0.5, 9},
            {types(u8, i8, i8, {2, 3, 5}, {5, 4}, {1}, {4}), {}, 0.5, 9},
            {types(i8, i8, i8, {0, 5}, {5, 4}), {}, 0.5, 9}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const DType i8 = DType::i8;
    Types two_zeros = types(i8, i8, i8, {2, 3}, {3, 4});
    two_zeros[7].shape = {2};
    return {
        {types(i8, i8, i8, {2, 3}, {4, 5}), {}, "[qlinear_matmul] rows of b, was 4, expected 3"},
        {types(i8, i8, i8, {2, 3}, {3, 5}, {3}), {}, "[qlinear_matmul] a_scale, was (3,), expected one element, (2,)"},
        {types(i8, DType::i16, i8, {2, 3}, {3, 5}), {}, "[qlinear_matmul] b, was int16, expected int8 or uint8"},
        {two_zeros, {}, "[qlinear_matmul] elements of y_zero, was 2, expected 1"}};
  }
};

}  // namespace

const Operator& qlinear_matmul_operator() { return operator_row<QLinearMatMul>(); }

Array qlinear_matmul(const Array& a, const Array& a_scale, const Array& a_zero, const Array& b, const Array& b_scale,
                     const Array& b_zero, const Array& y_scale, const Array& y_zero) {
  return invoke1(qlinear_matmul_operator(), {}, {a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero});
}

}  // namespace quantick
