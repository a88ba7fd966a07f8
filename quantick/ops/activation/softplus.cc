#include <algorithm>
#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Softplus : Unary<Softplus> {
  static constexpr std::string_view name = "softplus", onnx = "Softplus";
  static constexpr std::string_view family = "activation";
  static constexpr std::string_view summary = "log(1 + exp(x)), without overflow.";

  static constexpr std::string_view stays_float = "softplus has no fixed bits: the C library computes it";

  template <class T>
  static T value(T v) {
    return std::max(v, T(0)) + std::log1p(std::exp(-std::abs(v)));
  }
  static double exact(double v) { return v > 30 ? v + std::exp(-v) : std::log(1 + std::exp(v)); }
  static Array slope(const Array& x, const Array& y) {
    (void)y;
    return sigmoid(x);
  }
};

}  // namespace

const Operator& softplus_operator() { return operator_row<Softplus>(); }

Array softplus(const Array& x) { return invoke1(softplus_operator(), {}, {x}); }

}  // namespace quantick
