#include "quantick/ops/elementwise/compare.h"

namespace quantick {
namespace {

struct Equal : Compare<Equal> {
  static constexpr std::string_view name = "equal", onnx = "Equal";
  static constexpr std::string_view summary = "a == b with broadcasting, as bool.";
  template <class T>
  static bool value(T u, T v) {
    return u == v;
  }
};

}  // namespace

const Operator& equal_operator() { return operator_row<Equal>(); }

Array equal(const Array& a, const Array& b) { return invoke1(equal_operator(), {}, {a, b}); }

}  // namespace quantick
