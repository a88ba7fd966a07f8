#include "quantick/ops/elementwise/compare.h"

namespace quantick {
namespace {

struct Less : Compare<Less> {
  static constexpr std::string_view name = "less", onnx = "Less";
  static constexpr std::string_view summary = "a < b with broadcasting, as bool.";
  template <class T>
  static bool value(T u, T v) {
    return u < v;
  }
};

}  // namespace

const Operator& less_operator() { return operator_row<Less>(); }

Array less(const Array& a, const Array& b) { return invoke1(less_operator(), {}, {a, b}); }

}  // namespace quantick
