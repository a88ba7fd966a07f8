#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/linalg/product.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"
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

/// Two computed tensors. Integer operands: exact sums; else both become float32 and each sum runs in ascending order.
class MatMulNode : public IntegerNode {
 public:
  explicit MatMulNode(const PrepareCall& call) : a_(call.inputs[0]), b_(call.inputs[1]), y_(call.output) {
    const Shape &a = call.input_types[0].shape, &b = call.input_types[1].shape, &y = call.output_type.shape;
    QTK_CHECK(a.ndim() >= 2 && b.ndim() >= 2, UnsupportedError,
              "[matmul] channels, were {} and {}, expected matrices in each row of the batch", a.text(), b.text());
    check_extent("matmul", "rows of b", b[-2], a[-1]);
    const Shape batch = broadcast_shapes(batch_of(a), batch_of(b), "matmul");
    Shape expected = batch;
    expected.push_back(a[-2]);
    expected.push_back(b[-1]);
    QTK_CHECK(y == expected, FormatError, "[matmul] output channels, were {}, expected {}", y.text(), expected.text());
    m_ = a[-2], k_ = a[-1], n_ = b[-1];
    size_a_ = a.size(), size_b_ = b.size();
    from_a_ = matrices(batch_of(a), batch);
    from_b_ = matrices(batch_of(b), batch);
    integers_ = a_.quantized() && b_.quantized();
    if (!integers_) return;
    const Array& scale = call.constant("scale");
    QTK_CHECK(scale.shape() == Shape{1}, FormatError, "[matmul] scale, was {}, expected 1 of them",
              scale.type().text());
    scale_ = scale.data<float>()[0];
    check_scale(scale_, kLargestScale, "matmul");
  }

  void run(const Call& call) const noexcept override {
    for (int64_t row = 0; row < call.steps * call.batch; ++row) {
      const auto* a = static_cast<const std::byte*>(call.inputs[0]) + row * size_a_ * dtype_size(a_.dtype);
      const auto* b = static_cast<const std::byte*>(call.inputs[1]) + row * size_b_ * dtype_size(b_.dtype);
      auto* y = static_cast<std::byte*>(call.output) + row * output_size() * dtype_size(y_.dtype);
      if (!integers_) {
        auto* x = static_cast<float*>(call.scratch) + scratch_sums();
        load_codes(a, size_a_, a_, isa_, x);
        load_codes(b, size_b_, b_, isa_, x + size_a_);
        matrices_of<float>(x, x + size_a_, call.scratch, y);
      } else if (a_.dtype == DType::i8 && b_.dtype == DType::i8) {
        const auto *p = reinterpret_cast<const int8_t*>(a), *q = reinterpret_cast<const int8_t*>(b);
        k_ <= kMost32 ? matrices_of<int32_t>(p, q, call.scratch, y) : matrices_of<int64_t>(p, q, call.scratch, y);
      } else if (a_.dtype == DType::i8) {
        matrices_of<int64_t>(reinterpret_cast<const int8_t*>(a), reinterpret_cast<const int16_t*>(b), call.scratch, y);
      } else if (b_.dtype == DType::i8) {
        matrices_of<int64_t>(reinterpret_cast<const int16_t*>(a), reinterpret_cast<const int8_t*>(b), call.scratch, y);
      } else {
        matrices_of<int64_t>(reinterpret_cast<const int16_t*>(a), reinterpret_cast<const int16_t*>(b), call.scratch, y);
      }
    }
  }

  int64_t scratch_bytes(int64_t, int64_t) const override {
    const int64_t floats = scratch_sums() + (integers_ ? 0 : size_a_ + size_b_);
    return floats * static_cast<int64_t>(sizeof(float));
  }

 private:
  /// Products of two 8-bit codes less their zero points stay below 2^16 in magnitude.
  static constexpr int64_t kMost32 = int64_t{1} << 15;

  static std::vector<int64_t> matrices(const Shape& own, const Shape& batch) {
    return Array::arange(0, static_cast<double>(own.size()), 1, DType::i64)
        .reshape(own)
        .broadcast_to(batch)
        .to_vector<int64_t>();
  }
  int64_t output_size() const noexcept { return static_cast<int64_t>(from_a_.size()) * m_ * n_; }
  /// Room of one row of sums, in floats: up to 64 bits each, and the same row in float32.
  int64_t scratch_sums() const noexcept { return 3 * n_; }

  template <class Sum, class A, class B>
  void matrices_of(const A* a, const B* b, void* scratch, std::byte* y) const noexcept {
    auto* sums = static_cast<Sum*>(scratch);
    auto* reals = static_cast<float*>(scratch) + 2 * n_;
    // Numbers in float32 have left their zero points behind.
    const auto zero_a = static_cast<Sum>(integers_ ? a_.zero_point : 0);
    const auto zero_b = static_cast<Sum>(integers_ ? b_.zero_point : 0);
    for (size_t at = 0; at < from_a_.size(); ++at) {
      const A* left = a + from_a_[at] * m_ * k_;
      const B* right = b + from_b_[at] * k_ * n_;
      for (int64_t i = 0; i < m_; ++i, y += n_ * dtype_size(y_.dtype)) {
        std::fill_n(sums, n_, Sum{0});
        for (int64_t l = 0; l < k_; ++l) {
          const Sum u = static_cast<Sum>(left[i * k_ + l]) - zero_a;
          for (int64_t j = 0; j < n_; ++j) sums[j] += u * (static_cast<Sum>(right[l * n_ + j]) - zero_b);
        }
        if constexpr (std::is_same_v<Sum, float>)
          store_codes(sums, n_, y_, isa_, y);
        else
          store_sums(sums, reals, y);
      }
    }
  }

  template <class Sum>
  void store_sums(const Sum* sums, float* reals, std::byte* y) const noexcept {
    for (int64_t j = 0; j < n_; ++j) reals[j] = static_cast<float>(sums[j]) * scale_;
    if (!y_.quantized()) {
      store_codes(reals, n_, y_, isa_, y);
      return;
    }
    const kernels::OutputLimits limits = kernels::output_limits(y_.bits(), y_.zero_point);
    for (int64_t j = 0; j < n_; ++j) {
      const int32_t code = kernels::round_to_limits(reals[j], limits);
      if (y_.dtype == DType::i8)
        reinterpret_cast<int8_t*>(y)[j] = static_cast<int8_t>(code);
      else
        reinterpret_cast<int16_t*>(y)[j] = static_cast<int16_t>(code);
    }
  }

  TensorFormat a_, b_, y_;
  int64_t m_ = 0, k_ = 0, n_ = 0, size_a_ = 0, size_b_ = 0;
  std::vector<int64_t> from_a_, from_b_;  ///< matrix of each operand, by matrix of the output
  bool integers_ = false;
  float scale_ = 1;
  Isa isa_ = active_isa();
};

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

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.data_inputs = 2;
    form.reads_integers = true;
    form.row_axes = 2;
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      if (!call.inputs[0].quantized() || !call.inputs[1].quantized()) return {};
      const float product = call.inputs[0].scale * call.inputs[1].scale;
      const float scale = call.output.quantized() ? product / call.output.scale : product;
      check_scale(scale, kLargestScale, lowering_name(name, call));
      return {{"scale", Array::from(std::vector<float>{scale})}};
    };
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      return std::make_unique<MatMulNode>(call);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const std::pair<Shape, Shape> shapes[] = {
        {{3, 5}, {5, 4}},    {{1, 1}, {1, 1}},       {{0, 3}, {3, 2}},         {{2, 0}, {0, 3}},
        {{2, 3, 5}, {5, 4}}, {{2, 3, 5}, {2, 5, 4}}, {{3, 5}, {2, 5, 4}},      {{2, 1, 3, 4}, {3, 4, 2}},
        {{9, 33}, {33, 35}}, {{70, 300}, {300, 17}}, {{3, 4, 65}, {3, 65, 9}}, {{2, 4, 1, 5, 6}, {2, 1, 3, 6, 7}}};
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
