#include "quantick/ops/elementwise/binary.h"
#include "quantick/ops/elementwise/sum_node.h"

namespace quantick {
namespace {

struct Subtract : Binary<Subtract> {
  static constexpr std::string_view name = "subtract", onnx = "Sub";
  static constexpr std::string_view summary = "a - b with broadcasting.";

  template <class T>
  static T value(T u, T v) {
    return wrapping(u, v, [](auto p, auto q) { return p - q; });
  }
  static double exact(double u, double v) { return u - v; }

  static IntegerForm integer_form() { return sum_form(name, -1, elements); }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array& d = call.output_grads[0];
    return summed(call, d, negative(d));
  }
};

}  // namespace

const Operator& subtract_operator() { return operator_row<Subtract>(); }

Array subtract(const Array& a, const Array& b) { return invoke1(subtract_operator(), {}, {a, b}); }

}  // namespace quantick
