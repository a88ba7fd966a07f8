#include <algorithm>
#include <cmath>

#include "quantick/ops/activation/softmax_rows.h"

namespace quantick {
namespace {

struct Softmax : SoftmaxRows<Softmax> {
  static constexpr std::string_view name = "softmax", onnx = "Softmax";
  static constexpr std::string_view summary = "exp(x) over its sum along an axis, without overflow.";

  template <class F>
  static void row(const F* x, F* y, int64_t n) {
    const F top = *std::max_element(x, x + n);
    F total = 0;
    for (int64_t i = 0; i < n; ++i) total += y[i] = std::exp(x[i] - top);
    for (int64_t i = 0; i < n; ++i) y[i] /= total;
  }
  static double exact(double v, double total) { return std::exp(v) / total; }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array &y = call.outputs[0], &d = call.output_grads[0];
    return {y * (d - sum(d * y, {attrs.axis}, true))};
  }
};

}  // namespace

const Operator& softmax_operator() { return operator_row<Softmax>(); }

Array softmax(const Array& x, int axis) { return invoke1(softmax_operator(), to_attributes(AxisAttribute{axis}), {x}); }

}  // namespace quantick
