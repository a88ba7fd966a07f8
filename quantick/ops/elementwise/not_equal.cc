#include "quantick/ops/elementwise/compare.h"

namespace quantick {
namespace {

struct NotEqual : Compare<NotEqual> {
  static constexpr std::string_view name = "not_equal", onnx = "";
  static constexpr std::string_view summary = "a != b with broadcasting, as bool.";
  template <class T>
  static bool value(T u, T v) {
    return u != v;
  }
};

}  // namespace

const Operator& not_equal_operator() { return operator_row<NotEqual>(); }

Array not_equal(const Array& a, const Array& b) { return invoke1(not_equal_operator(), {}, {a, b}); }

}  // namespace quantick
