#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Sqrt : Unary<Sqrt> {
  static constexpr std::string_view name = "sqrt", onnx = "Sqrt";
  static constexpr std::string_view summary = "The square root.";
  static constexpr double low = 0.5, high = 3;

  template <class T>
  static T value(T v) {
    return std::sqrt(v);
  }
  static double exact(double v) { return std::sqrt(v); }
  static Array slope(const Array& x, const Array& y) {
    (void)x;
    return 0.5 / y;
  }
};

}  // namespace

const Operator& sqrt_operator() { return operator_row<Sqrt>(); }

Array sqrt(const Array& x) { return invoke1(sqrt_operator(), {}, {x}); }

}  // namespace quantick
