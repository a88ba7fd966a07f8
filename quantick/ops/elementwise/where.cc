#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/element_node.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/sum_to.h"

namespace quantick {
namespace {

struct Where {
  static constexpr std::string_view name = "where", family = "elementwise", onnx = "Where";
  static constexpr std::string_view summary = "a where the condition (bool) holds, else b; all three broadcast.";
  static constexpr bool weak_scalars = true;
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"condition", "a", "b"}; }

  static Types infer(const Attrs&, const Types& in) {
    check_same_dtype(name, "condition", in[0], DType::boolean);
    const DType dtype = promote(in[1].dtype, in[2].dtype);
    visit_number(dtype, name, [](auto) { return 0; });
    return {{dtype, broadcast_shapes(in[0].shape, broadcast_shapes(in[1].shape, in[2].shape, name), name)}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const TensorType type = infer(attrs, {in[0].type(), in[1].type(), in[2].type()})[0];
    const Array a = in[1].astype(type.dtype), b = in[2].astype(type.dtype);
    Array out = Array::empty(type.shape, type.dtype);
    const BroadcastLoop<3> loop(type.shape, {&in[0], &a, &b});
    const bool* pick = reinterpret_cast<const bool*>(in[0].raw());
    visit_number(type.dtype, name, [&](auto zero) {
      using T = decltype(zero);
      const T *pa = reinterpret_cast<const T*>(a.raw()), *pb = reinterpret_cast<const T*>(b.raw());
      T* y = out.mutable_data<T>();
      const int64_t sc = loop.step(0), sa = loop.step(1), sb = loop.step(2);
      loop.run([=](int64_t at, int64_t count, const std::array<int64_t, 3>& o) {
        for (int64_t i = 0; i < count; ++i) y[at + i] = pick[o[0] + i * sc] ? pa[o[1] + i * sa] : pb[o[2] + i * sb];
      });
    });
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Shape shape = infer(attrs, {{DType::boolean, in[0].shape()}, in[1].type(), in[2].type()})[0].shape;
    const auto pick = values_as(in[0], shape), a = values_as(in[1], shape), b = values_as(in[2], shape);
    std::vector<double> y(a.size());
    for (size_t i = 0; i < y.size(); ++i) y[i] = pick[i] != 0 ? a[i] : b[i];
    return {Array::from(y, shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &condition = call.inputs[0], &d = call.output_grads[0];
    const Array none = Array::zeros({}, d.dtype());
    return {Array(), sum_to(where(condition, d, none), call.inputs[1].type()),
            sum_to(where(condition, none, d), call.inputs[2].type())};
  }

  /// The condition holds where its value is not 0.
  static IntegerForm integer_form() {
    return element_form(name, 3, [](const float* const* x, int64_t n, float* y) {
      for (int64_t i = 0; i < n; ++i) y[i] = x[0][i] != 0 ? x[1][i] : x[2][i];
    });
  }

  static std::vector<OperatorSample> samples() {
    const auto flag = [](const Shape& shape) { return TensorType{DType::boolean, shape}; };
    return {{{flag({3, 5}), float32({3, 5}), float32({5})}, {}},
            {{flag({4, 1}), float32({1, 6}), float32({})}, {}},
            {{flag({0}), float32({0}), float32({1})}, {}}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2}), float32({2}), float32({2})}, {}, "[where] condition, was float32, expected bool"}};
  }
};

}  // namespace

const Operator& where_operator() { return operator_row<Where>(); }

Array where(const Array& condition, const Array& a, const Array& b) {
  return invoke1(where_operator(), {}, {condition, a, b});
}

}  // namespace quantick
