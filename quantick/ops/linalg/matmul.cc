#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/linalg/product.h"
#include "quantick/ops/sum_to.h"
#include "quantick/tensor/strided.h"

namespace quantick {
namespace {

Shape batch_of(const Shape& shape) { return Shape(std::span<const int64_t>(shape.begin(), shape.end() - 2)); }

/// x with its last two axes swapped; a view.
Array swapped(const Array& x) {
  std::vector<int64_t> axes;
  for (int i = 0; i + 2 < x.ndim(); ++i) axes.push_back(i);
  axes.push_back(x.ndim() - 1);
  axes.push_back(x.ndim() - 2);
  return transpose(x, axes);
}

struct MatMul {
  static constexpr std::string_view name = "matmul", family = "linalg", onnx = "MatMul";
  static constexpr std::string_view summary =
      "[..., m, k] times [..., k, n]; leading axes broadcast. Transposed views are read where they lie.";
  static constexpr double tolerance = 1e-5;
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"a", "b"}; }

  static Types infer(const Attrs&, const Types& in) {
    check_float(name, "a", in[0]);
    check_same_dtype(name, "b", in[1], in[0].dtype);
    for (size_t i = 0; i < 2; ++i)
      QTK_CHECK(in[i].shape.ndim() >= 2, ShapeError, "[matmul] {}, was {}, expected 2 dimensions or more",
                i == 0 ? "a" : "b", in[i].shape.text());
    check_extent(name, "rows of b", in[1].shape[-2], in[0].shape[-1]);
    Shape out = broadcast_shapes(batch_of(in[0].shape), batch_of(in[1].shape), name);
    out.push_back(in[0].shape[-2]);
    out.push_back(in[1].shape[-1]);
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const TensorType type = infer(attrs, {in[0].type(), in[1].type()})[0];
    Array out = Array::empty(type.shape, type.dtype);
    const int64_t m = type.shape[-2], n = type.shape[-1], k = in[0].shape()[-1];
    const Shape batch = batch_of(type.shape);
    visit_float(type.dtype, [&](auto zero) {
      using T = decltype(zero);
      T* c = out.mutable_data<T>();
      if (in[1].ndim() == 2) {  // one matrix for all: the leading axes are rows
        const MatrixOperand a(in[0].ndim() == 2 ? in[0] : in[0].reshape({batch.size() * m, k})), b(in[1]);
        product(a.transposed, b.transposed, batch.size() * m, n, k, reinterpret_cast<const T*>(a.array.raw()), a.stride,
                reinterpret_cast<const T*>(b.array.raw()), b.stride, T(0), c, n);
        return;
      }
      const MatrixOperand a(in[0]), b(in[1]);
      std::vector<int64_t> offsets_a, offsets_b;
      const auto collect = [&](const Array& x, std::vector<int64_t>& offsets) {
        Shape whole = batch;
        whole.push_back(x.shape()[-2]);
        whole.push_back(x.shape()[-1]);
        const Shape strides = batch_of(x.broadcast_to(whole).strides());
        for_each_offset(batch, strides, [&](int64_t at) { offsets.push_back(at); });
      };
      collect(a.array, offsets_a);
      collect(b.array, offsets_b);
      for (size_t i = 0; i < offsets_a.size(); ++i)
        product(a.transposed, b.transposed, m, n, k, reinterpret_cast<const T*>(a.array.raw()) + offsets_a[i], a.stride,
                reinterpret_cast<const T*>(b.array.raw()) + offsets_b[i], b.stride, T(0),
                c + static_cast<int64_t>(i) * m * n, n);
    });
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Shape shape = infer(attrs, {in[0].type(), in[1].type()})[0].shape;
    const int64_t m = shape[-2], n = shape[-1], k = in[0].shape()[-1];
    Shape shape_a = shape, shape_b = shape;
    shape_a[-1] = shape_b[-2] = k;
    const auto a = values_as(in[0], shape_a), b = values_as(in[1], shape_b);
    std::vector<double> y(static_cast<size_t>(shape.size()), 0.0);
    for (int64_t at = 0; at < shape.size(); ++at) {
      const int64_t batch = at / (m * n), i = at / n % m, j = at % n;
      for (int64_t l = 0; l < k; ++l)
        y[static_cast<size_t>(at)] +=
            a[static_cast<size_t>((batch * m + i) * k + l)] * b[static_cast<size_t>((batch * k + l) * n + j)];
    }
    return {Array::from(y, shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &a = call.inputs[0], &b = call.inputs[1], &d = call.output_grads[0];
    if (b.ndim() == 2 && a.ndim() > 2) {  // as in forward: no batch of products to sum up
      const Array rows = a.reshape({a.size() / std::max<int64_t>(a.shape()[-1], 1), a.shape()[-1]});
      const Array flat = d.reshape({rows.shape()[0], d.shape()[-1]});
      return {matmul(d, swapped(b)), matmul(swapped(rows), flat)};
    }
    return {sum_to(matmul(d, swapped(b)), a.type()), sum_to(matmul(swapped(a), d), b.type())};
  }

  static std::vector<OperatorSample> samples() {
    const std::pair<Shape, Shape> shapes[] = {{{3, 5}, {5, 4}},      {{1, 1}, {1, 1}},          {{0, 3}, {3, 2}},
                                              {{2, 0}, {0, 3}},      {{2, 3, 5}, {5, 4}},       {{2, 3, 5}, {2, 5, 4}},
                                              {{3, 5}, {2, 5, 4}},   {{2, 1, 3, 4}, {3, 4, 2}}, {{9, 33}, {33, 35}},
                                              {{70, 300}, {300, 17}}};
    std::vector<OperatorSample> out;
    for (const auto& [a, b] : shapes) out.push_back({{float32(a), float32(b)}, {}, -1, 1});
    return out;
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3}), float32({4, 2})}, {}, "[matmul] rows of b, was 4, expected 3"},
            {{float32({3}), float32({3, 2})}, {}, "[matmul] a, was (3,), expected 2 dimensions or more"},
            {{float32({2, 3}), {DType::f64, Shape{3, 2}}}, {}, "[matmul] b, was float64, expected float32"}};
  }
};

}  // namespace

const Operator& matmul_operator() { return operator_row<MatMul>(); }

Array matmul(const Array& a, const Array& b) { return invoke1(matmul_operator(), {}, {a, b}); }

}  // namespace quantick
