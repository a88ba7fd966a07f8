#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Negative : Unary<Negative> {
  static constexpr std::string_view name = "negative", onnx = "Neg";
  static constexpr std::string_view summary = "-x.";

  template <class T>
  static T value(T v) {
    return -v;
  }
  static double exact(double v) { return 0 - v; }
  static Array slope(const Array& x, const Array& y) { return Array::full(x.shape(), -1, y.dtype()); }
};

}  // namespace

const Operator& negative_operator() { return operator_row<Negative>(); }

Array negative(const Array& x) { return invoke1(negative_operator(), {}, {x}); }

}  // namespace quantick
