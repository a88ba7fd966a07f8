#include "quantick/ops/elementwise/compare.h"

namespace quantick {
namespace {

struct Greater : Compare<Greater> {
  static constexpr std::string_view name = "greater", onnx = "Greater";
  static constexpr std::string_view summary = "a > b with broadcasting, as bool.";
  template <class T>
  static bool value(T u, T v) {
    return u > v;
  }
};

}  // namespace

const Operator& greater_operator() { return operator_row<Greater>(); }

Array greater(const Array& a, const Array& b) { return invoke1(greater_operator(), {}, {a, b}); }

}  // namespace quantick
