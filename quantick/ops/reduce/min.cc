#include "quantick/ops/reduce/extreme.h"

namespace quantick {
namespace {

struct Min : Extreme<Min> {
  static constexpr std::string_view name = "min", onnx = "ReduceMin";
  static constexpr std::string_view summary = "The smallest value over axes; NaN where there is one.";

  template <class F>
  static bool better(F a, F b) {
    return a < b;
  }
};

}  // namespace

const Operator& min_operator() { return operator_row<Min>(); }

Array min(const Array& x, const std::vector<int64_t>& axes, bool keepdims) {
  return invoke1(min_operator(), to_attributes(ReduceAttributes{axes, keepdims}), {x});
}

}  // namespace quantick
