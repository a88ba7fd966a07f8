#include "quantick/ops/elementwise/compare.h"

namespace quantick {
namespace {

struct GreaterEqual : Compare<GreaterEqual> {
  static constexpr std::string_view name = "greater_equal", onnx = "GreaterOrEqual";
  static constexpr std::string_view summary = "a >= b with broadcasting, as bool.";
  template <class T>
  static bool value(T u, T v) {
    return u >= v;
  }
};

}  // namespace

const Operator& greater_equal_operator() { return operator_row<GreaterEqual>(); }

Array greater_equal(const Array& a, const Array& b) { return invoke1(greater_equal_operator(), {}, {a, b}); }

}  // namespace quantick
