#include "quantick/ops/elementwise/binary.h"

namespace quantick {
namespace {

struct Multiply : Binary<Multiply> {
  static constexpr std::string_view name = "multiply", onnx = "Mul";
  static constexpr std::string_view summary = "a * b with broadcasting.";

  template <class T>
  static T value(T u, T v) {
    return wrapping(u, v, [](auto p, auto q) { return p * q; });
  }
  static double exact(double u, double v) { return u * v; }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &a = call.inputs[0], &b = call.inputs[1], &d = call.output_grads[0];
    return summed(call, d * b, d * a);
  }
};

}  // namespace

const Operator& multiply_operator() { return operator_row<Multiply>(); }

Array multiply(const Array& a, const Array& b) { return invoke1(multiply_operator(), {}, {a, b}); }

}  // namespace quantick
