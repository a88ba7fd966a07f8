#include "quantick/kernels/lane_sum.h"
#include "quantick/ops/reduce/reduce.h"

namespace quantick {
namespace {

struct Mean : Reduce<Mean> {
  static constexpr std::string_view name = "mean", onnx = "ReduceMean";
  static constexpr std::string_view summary = "The mean over axes, accumulated in float64 in a fixed order.";
  static constexpr bool needs_elements = true;

  template <class F>
  static F row(const F* x, int64_t n) {
    return static_cast<F>(row_sum(x, n) / static_cast<double>(n));
  }
  static float fixed_row(const float* x, int64_t n) {
    return kernels::lane_sum(n, [x](int64_t i) { return x[i]; }) / static_cast<float>(n);
  }
  static double exact(const std::vector<double>& row) {
    double total = 0;
    for (const double v : row) total += v;
    return total / static_cast<double>(row.size());
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array& d = call.output_grads[0];
    const Shape& shape = call.inputs[0].shape();
    const double n = d.size() == 0 ? 1 : static_cast<double>(shape.size()) / static_cast<double>(d.size());
    return {with_axes(attrs, call, d / n).broadcast_to(shape)};
  }
};

}  // namespace

const Operator& mean_operator() { return operator_row<Mean>(); }

Array mean(const Array& x, const std::vector<int64_t>& axes, bool keepdims) {
  return invoke1(mean_operator(), to_attributes(ReduceAttributes{axes, keepdims}), {x});
}

}  // namespace quantick
