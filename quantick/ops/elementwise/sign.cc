#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Sign : Unary<Sign> {
  static constexpr std::string_view name = "sign", onnx = "Sign";
  static constexpr std::string_view summary = "-1, 0 or 1 by the sign of x; NaN stays.";

  template <class T>
  static T value(T v) {
    return v > 0 ? T(1) : v < 0 ? T(-1) : v;
  }
  static double exact(double v) { return v == 0 ? v : std::copysign(1.0, v); }
  static Array slope(const Array& x, const Array& y) { return Array::zeros(x.shape(), y.dtype()); }
};

}  // namespace

const Operator& sign_operator() { return operator_row<Sign>(); }

Array sign(const Array& x) { return invoke1(sign_operator(), {}, {x}); }

}  // namespace quantick
