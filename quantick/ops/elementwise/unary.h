#pragma once
// What the operators y = f(x) share. A struct T : Unary<T> brings name, summary, onnx, `value(v)` for any float type
// and `slope(x, y)`, the derivative as an array; it may bring low and high, the range of samples, and `stays_float`,
// why it has no fixed bits. `value` in float32 is also the fixed-bits form: T brings its own where that is not exact
// IEEE.
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/element_node.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {

template <class T>
struct Unary {
  using Attrs = NoAttributes;
  static constexpr std::string_view family = "elementwise";
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs&, const Types& in) {
    check_float(T::name, "x", in[0]);
    return in;
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    return {visit_float(in[0].dtype(), [&](auto zero) {
      using F = decltype(zero);
      return map_unary<F, F>(in[0], [](F v) { return T::value(v); });
    })};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    std::vector<double> y = in[0].to_vector<double>();
    for (double& v : y) v = T::exact(v);
    return {Array::from(y, in[0].shape())};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    return {call.output_grads[0] * T::slope(call.inputs[0], call.outputs[0])};
  }

  static void elements(const float* const* x, int64_t n, float* y) {
    for (int64_t i = 0; i < n; ++i) y[i] = T::value(x[0][i]);
  }

  static IntegerForm integer_form() {
    IntegerForm form = element_form(T::name, 1, T::elements);
    if constexpr (requires { T::stays_float; }) {
      form.stays_float = T::stays_float;
      form.output = IntegerForm::OutputFormat::real;
    }
    return form;
  }

  static constexpr double low = -2, high = 2;

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{1}, Shape{3, 5}, Shape{2, 3, 17}})
      out.push_back({{float32(shape)}, {}, T::low, T::high});
    return out;
  }

  static std::vector<OperatorMisuse> misuses() {
    return {{{{DType::i8, Shape{2}}}, {}, "was int8, expected float32 or float64"}};
  }
};

}  // namespace quantick
