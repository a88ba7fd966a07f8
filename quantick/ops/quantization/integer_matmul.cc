#include "quantick/ops/quantization/integer_matmul.h"

#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {
namespace {

/// Codes less their zero points, exact in int32.
Array centered_matrix(const Array& codes, const Array& zero, Lines lines) {
  const Array wide = codes.astype(DType::i32);
  if (!zero.defined()) return wide;
  const Shape shape = line_shape("integer_matmul", "zero point", codes.shape(), zero.shape(), lines);
  return map_binary<int32_t, int32_t>(wide, zero.astype(DType::i32).reshape(shape),
                                      [](int32_t q, int32_t z) { return q - z; });
}

/// `x` repeated along the leading axes of `result`.
Array over_batch(const Array& x, const Shape& result) {
  Shape shape = result;
  shape[-2] = x.shape()[-2];
  shape[-1] = x.shape()[-1];
  return x.broadcast_to(shape).contiguous();
}

}  // namespace

void check_codes8(std::string_view who, std::string_view what, const TensorType& type) {
  QTK_CHECK(type.dtype == DType::i8 || type.dtype == DType::u8, TypeError, "[{}] {}, was {}, expected int8 or uint8",
            who, what, dtype_name(type.dtype));
}

Shape line_shape(std::string_view who, std::string_view what, const Shape& matrix, const Shape& given, Lines lines) {
  if (given.size() == 1) return {1, 1};
  const int along = lines == Lines::rows ? -2 : -1;
  Shape vector{1, 1}, whole = matrix;
  vector[along] = matrix[along];
  whole[lines == Lines::rows ? -1 : -2] = 1;
  if (given == Shape{matrix[along]}) return vector;
  QTK_CHECK(given == whole, ShapeError, "[{}] {}, was {}, expected one element, ({},) or {}", who, what, given.text(),
            matrix[along], whole.text());
  return whole;
}

Shape product_shape(std::string_view who, const Shape& a, const Shape& b) {
  for (const Shape* shape : {&a, &b})
    QTK_CHECK(shape->ndim() >= 2, ShapeError, "[{}] {}, was {}, expected 2 dimensions or more", who,
              shape == &a ? "a" : "b", shape->text());
  check_extent(who, "rows of b", b[-2], a[-1]);
  Shape out = broadcast_shapes(Shape(std::span<const int64_t>(a.begin(), a.end() - 2)),
                               Shape(std::span<const int64_t>(b.begin(), b.end() - 2)), who);
  out.push_back(a[-2]);
  out.push_back(b[-1]);
  return out;
}

Array integer_matmul(const Array& a, const Array& a_zero, const Array& b, const Array& b_zero) {
  Array out = Array::zeros(product_shape("integer_matmul", a.shape(), b.shape()), DType::i64);
  const Array left = over_batch(centered_matrix(a, a_zero, Lines::rows), out.shape());
  const Array right = over_batch(centered_matrix(b, b_zero, Lines::columns), out.shape());
  const int64_t m = out.shape()[-2], n = out.shape()[-1], depth = a.shape()[-1];
  const auto *u = left.data<int32_t>(), *v = right.data<int32_t>();
  auto* y = out.mutable_data<int64_t>();
  for (int64_t row = 0; n > 0 && row < out.size() / n; ++row)
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t factor = u[row * depth + k];
      const int32_t* from = v + (row / m * depth + k) * n;
      for (int64_t j = 0; j < n; ++j) y[row * n + j] += factor * from[j];
    }
  return out;
}

std::vector<double> plain_matmul(const Array& a, const Array& a_zero, const Array& b, const Array& b_zero) {
  const Shape shape = product_shape("truth", a.shape(), b.shape());
  const int64_t m = shape[-2], n = shape[-1], depth = a.shape()[-1];
  Shape shape_a = shape, shape_b = shape;
  shape_a[-1] = shape_b[-2] = depth;
  const auto zeros = [](const Array& zero, const Array& x, const Shape& to, Lines lines) {
    if (!zero.defined()) return std::vector<double>(static_cast<size_t>(to.size()));
    return values_as(zero.reshape(line_shape("truth", "zero point", x.shape(), zero.shape(), lines)), to);
  };
  const auto u = values_as(a, shape_a), v = values_as(b, shape_b);
  const auto zu = zeros(a_zero, a, shape_a, Lines::rows), zv = zeros(b_zero, b, shape_b, Lines::columns);
  std::vector<double> y;
  for (int64_t at = 0; at < shape.size(); ++at) {
    const int64_t batch = at / (m * n), i = at / n % m, j = at % n;
    double total = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const auto p = static_cast<size_t>((batch * m + i) * depth + k);
      const auto q = static_cast<size_t>((batch * depth + k) * n + j);
      total += (u[p] - zu[p]) * (v[q] - zv[q]);
    }
    y.push_back(total);
  }
  return y;
}

}  // namespace quantick
