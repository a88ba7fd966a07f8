#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Exp : Unary<Exp> {
  static constexpr std::string_view name = "exp", onnx = "Exp";
  static constexpr std::string_view summary = "e to the power x.";

  template <class T>
  static T value(T v) {
    return std::exp(v);
  }
  static double exact(double v) { return std::exp(v); }
  static Array slope(const Array& x, const Array& y) {
    (void)x;
    return y;
  }
};

}  // namespace

const Operator& exp_operator() { return operator_row<Exp>(); }

Array exp(const Array& x) { return invoke1(exp_operator(), {}, {x}); }

}  // namespace quantick
