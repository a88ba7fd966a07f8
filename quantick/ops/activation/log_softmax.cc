#include <algorithm>
#include <cmath>

#include "quantick/kernels/exp/exp.h"
#include "quantick/ops/activation/softmax_rows.h"

namespace quantick {
namespace {

struct LogSoftmax : SoftmaxRows<LogSoftmax> {
  static constexpr std::string_view name = "log_softmax", onnx = "LogSoftmax";
  static constexpr std::string_view summary = "The logarithm of softmax along an axis, without overflow.";

  static void row(const double* x, double* y, int64_t n) {
    const double top = *std::max_element(x, x + n);
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += std::exp(x[i] - top);
    const double shift = top + std::log(total);
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] - shift;
  }
  static void kernel(const float* x, int64_t n, int64_t stride, float* y, Isa isa) noexcept {
    kernels::log_softmax_f32(x, n, stride, y, isa);
  }
  static double exact(double v, double total) { return v - std::log(total); }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.prepare = prepare;
    return form;
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array& d = call.output_grads[0];
    return {d - exp(call.outputs[0]) * sum(d, {attrs.axis}, true)};
  }
};

}  // namespace

const Operator& log_softmax_operator() { return operator_row<LogSoftmax>(); }

Array log_softmax(const Array& x, int axis) {
  return invoke1(log_softmax_operator(), to_attributes(AxisAttribute{axis}), {x});
}

}  // namespace quantick
