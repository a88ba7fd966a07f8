#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Abs : Unary<Abs> {
  static constexpr std::string_view name = "abs", onnx = "Abs";
  static constexpr std::string_view summary = "The absolute value.";

  template <class T>
  static T value(T v) {
    return std::abs(v);
  }
  static double exact(double v) { return v < 0 ? -v : v; }
  static Array slope(const Array& x, const Array& y) {
    (void)y;
    return sign(x);
  }
};

}  // namespace

const Operator& abs_operator() { return operator_row<Abs>(); }

Array abs(const Array& x) { return invoke1(abs_operator(), {}, {x}); }

}  // namespace quantick
