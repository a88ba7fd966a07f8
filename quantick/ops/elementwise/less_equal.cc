#include "quantick/ops/elementwise/compare.h"

namespace quantick {
namespace {

struct LessEqual : Compare<LessEqual> {
  static constexpr std::string_view name = "less_equal", onnx = "LessOrEqual";
  static constexpr std::string_view summary = "a <= b with broadcasting, as bool.";
  template <class T>
  static bool value(T u, T v) {
    return u <= v;
  }
};

}  // namespace

const Operator& less_equal_operator() { return operator_row<LessEqual>(); }

Array less_equal(const Array& a, const Array& b) { return invoke1(less_equal_operator(), {}, {a, b}); }

}  // namespace quantick
