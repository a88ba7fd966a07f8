#include <cmath>

#include "quantick/ops/elementwise/binary.h"

namespace quantick {
namespace {

struct Maximum : Binary<Maximum> {
  static constexpr std::string_view name = "maximum", onnx = "Max";
  static constexpr std::string_view summary = "The larger of a and b with broadcasting; NaN where either is NaN.";

  template <class T>
  static T value(T u, T v) {
    return u > v || u != u ? u : v;
  }
  static double exact(double u, double v) { return std::isnan(u) || std::isnan(v) ? NAN : std::fmax(u, v); }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &a = call.inputs[0], &b = call.inputs[1], &d = call.output_grads[0];
    // Ties belong to b, so that the two shares add up.
    const Array first = cast(a > b, d.dtype());
    return summed(call, d * first, d * (1.0 - first));
  }
};

}  // namespace

const Operator& maximum_operator() { return operator_row<Maximum>(); }

Array maximum(const Array& a, const Array& b) { return invoke1(maximum_operator(), {}, {a, b}); }

}  // namespace quantick
