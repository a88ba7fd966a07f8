#include "quantick/ops/reduce/extreme.h"

namespace quantick {
namespace {

struct Max : Extreme<Max> {
  static constexpr std::string_view name = "max", onnx = "ReduceMax";
  static constexpr std::string_view summary = "The largest value over axes; NaN where there is one.";

  template <class F>
  static bool better(F a, F b) {
    return a > b;
  }
};

}  // namespace

const Operator& max_operator() { return operator_row<Max>(); }

Array max(const Array& x, const std::vector<int64_t>& axes, bool keepdims) {
  return invoke1(max_operator(), to_attributes(ReduceAttributes{axes, keepdims}), {x});
}

}  // namespace quantick
