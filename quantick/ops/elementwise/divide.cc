#include "quantick/ops/elementwise/binary.h"

namespace quantick {
namespace {

struct Divide : Binary<Divide> {
  static constexpr std::string_view name = "divide", onnx = "Div";
  static constexpr std::string_view summary = "a / b with broadcasting, floats only.";
  static constexpr bool floats_only = true;
  static constexpr double low = 0.5, high = 2;

  template <class T>
  static T value(T u, T v) {
    return u / v;
  }
  static double exact(double u, double v) { return u / v; }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &b = call.inputs[1], &d = call.output_grads[0];
    return summed(call, d / b, negative(d * call.outputs[0] / b));
  }
};

}  // namespace

const Operator& divide_operator() { return operator_row<Divide>(); }

Array divide(const Array& a, const Array& b) { return invoke1(divide_operator(), {}, {a, b}); }

}  // namespace quantick
