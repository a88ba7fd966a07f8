#include <algorithm>

#include "quantick/ops/reduce/reduce.h"

namespace quantick {
namespace {

struct Min : Reduce<Min> {
  static constexpr std::string_view name = "min", onnx = "ReduceMin";
  static constexpr std::string_view summary = "The smallest value over axes; NaN where there is one.";
  static constexpr bool needs_elements = true;

  template <class F>
  static F row(const F* x, int64_t n) {
    F best = x[0];
    for (int64_t i = 1; i < n; ++i)
      if (x[i] < best || x[i] != x[i]) best = x[i];
    return best;
  }
  static double exact(const std::vector<double>& row) { return *std::min_element(row.begin(), row.end()); }

  /// Ties share the gradient evenly.
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array& x = call.inputs[0];
    const Array hit = cast(x == with_axes(attrs, call, call.outputs[0]), x.dtype());
    const Array share = hit / sum(hit, attrs.axes, true);
    return {with_axes(attrs, call, call.output_grads[0]) * share};
  }
};

}  // namespace

const Operator& min_operator() { return operator_row<Min>(); }

Array min(const Array& x, const std::vector<int64_t>& axes, bool keepdims) {
  return invoke1(min_operator(), to_attributes(ReduceAttributes{axes, keepdims}), {x});
}

}  // namespace quantick
