#include <cmath>

#include "quantick/ops/elementwise/binary.h"

namespace quantick {
namespace {

struct Minimum : Binary<Minimum> {
  static constexpr std::string_view name = "minimum", onnx = "Min";
  static constexpr std::string_view summary = "The smaller of a and b with broadcasting; NaN where either is NaN.";

  template <class T>
  static T value(T u, T v) {
    return u < v || u != u ? u : v;
  }
  static double exact(double u, double v) { return std::isnan(u) || std::isnan(v) ? NAN : std::fmin(u, v); }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &a = call.inputs[0], &b = call.inputs[1], &d = call.output_grads[0];
    // Ties belong to b, so that the two shares add up.
    const Array first = cast(a < b, d.dtype());
    return summed(call, d * first, d * (1.0 - first));
  }
};

}  // namespace

const Operator& minimum_operator() { return operator_row<Minimum>(); }

Array minimum(const Array& a, const Array& b) { return invoke1(minimum_operator(), {}, {a, b}); }

}  // namespace quantick
