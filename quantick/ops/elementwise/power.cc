#include <cmath>

#include "quantick/ops/elementwise/binary.h"

namespace quantick {
namespace {

struct Power : Binary<Power> {
  static constexpr std::string_view name = "power", onnx = "Pow";
  static constexpr std::string_view summary = "a to the power b with broadcasting, floats only.";
  static constexpr bool floats_only = true;
  static constexpr std::string_view stays_float = "powers have no fixed bits: the C library computes them";
  static constexpr double low = 0.5, high = 2;

  template <class T>
  static T value(T u, T v) {
    return static_cast<T>(std::pow(u, v));
  }
  static double exact(double u, double v) { return std::pow(u, v); }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &a = call.inputs[0], &b = call.inputs[1], &d = call.output_grads[0];
    const Array& y = call.outputs[0];
    // Where a is 0 the derivative by b is 0 for b > 0, not 0 * -inf.
    const Array logs = where(a > 0.0, log(where(a > 0.0, a, 1.0)), 0.0);
    return summed(call, d * b * power(a, b - 1.0), d * y * logs);
  }
};

}  // namespace

const Operator& power_operator() { return operator_row<Power>(); }

Array power(const Array& a, const Array& b) { return invoke1(power_operator(), {}, {a, b}); }

}  // namespace quantick
