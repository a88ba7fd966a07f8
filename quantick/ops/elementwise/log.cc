#include <cmath>

#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Log : Unary<Log> {
  static constexpr std::string_view name = "log", onnx = "Log";
  static constexpr std::string_view summary = "The natural logarithm.";
  static constexpr double low = 0.5, high = 3;

  static constexpr std::string_view stays_float = "logarithms have no fixed bits: the C library computes them";

  template <class T>
  static T value(T v) {
    return std::log(v);
  }
  static double exact(double v) { return std::log(v); }
  static Array slope(const Array& x, const Array& y) {
    (void)y;
    return 1.0 / x;
  }
};

}  // namespace

const Operator& log_operator() { return operator_row<Log>(); }

Array log(const Array& x) { return invoke1(log_operator(), {}, {x}); }

}  // namespace quantick
