#pragma once
// What the operators y = f(a, b) share: broadcasting, dtype promotion, samples. A struct T : Binary<T> brings name,
// summary, onnx, `value(u, v)` for any numeric type, `exact(u, v)` for the truth, and a gradient rule; it may bring
// `stays_float`, why it has no fixed bits. `value` in float32 is the fixed-bits form unless T brings its own.
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/element_node.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/sum_to.h"

namespace quantick {

template <class T>
struct Binary {
  using Attrs = NoAttributes;
  static constexpr std::string_view family = "elementwise";
  static constexpr bool weak_scalars = true;
  static std::vector<std::string> inputs() { return {"a", "b"}; }

  static Types infer(const Attrs&, const Types& in) {
    const DType dtype = promote(in[0].dtype, in[1].dtype);
    visit_number(dtype, T::name, [](auto) { return 0; });
    if constexpr (requires { T::floats_only; }) check_float(T::name, "inputs", {dtype, {}});
    return {{dtype, broadcast_shapes(in[0].shape, in[1].shape, T::name)}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const DType dtype = promote(in[0].dtype(), in[1].dtype());
    const Array a = in[0].astype(dtype), b = in[1].astype(dtype);
    return {visit_number(dtype, T::name, [&](auto zero) {
      using N = decltype(zero);
      return map_binary<N, N>(a, b, [](N u, N v) { return T::value(u, v); });
    })};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const Shape shape = broadcast_shapes(in[0].shape(), in[1].shape(), T::name);
    std::vector<double> y = values_as(in[0], shape);
    const std::vector<double> b = values_as(in[1], shape);
    for (size_t i = 0; i < y.size(); ++i) y[i] = T::exact(y[i], b[i]);
    return {Array::from(y, shape)};
  }

  static void elements(const float* const* x, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] = T::value(x[0][i], x[1][i]);
  }

  static IntegerForm integer_form() {
    IntegerForm form = element_form(T::name, 2, T::elements);
    if constexpr (requires { T::stays_float; }) {
      form.stays_float = T::stays_float;
      form.output = IntegerForm::OutputFormat::real;
    }
    return form;
  }

  /// The gradients before summing back over broadcast axes.
  static Arrays summed(const GradientCall& call, const Array& by_a, const Array& by_b) {
    return {sum_to(by_a, call.inputs[0].type()), sum_to(by_b, call.inputs[1].type())};
  }

  static constexpr double low = -2, high = 2;

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    const std::pair<Shape, Shape> shapes[] = {{{3, 5}, {3, 5}},    {{2, 3, 17}, {17}},    {{4, 1}, {1, 6}},
                                              {{}, {7}},           {{0, 3}, {1, 3}},      {{33}, {33}},
                                              {{2, 1, 3}, {5, 1}}, {{1, 4, 1}, {2, 1, 3}}};
    for (const auto& [a, b] : shapes) out.push_back({{float32(a), float32(b)}, {}, T::low, T::high});
    return out;
  }

  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3}), float32({2})}, {}, "shapes (2, 3) and (2,) do not broadcast"},
            {{{DType::i8, Shape{2}}, {DType::i8, Shape{2}}}, {}, "dtype, was int8"}};
  }
};

/// Integer arithmetic wraps around, as unsigned arithmetic does, instead of being undefined.
template <class T, class F>
T wrapping(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b)));
  } else {
    return f(a, b);
  }
}

}  // namespace quantick
