#include <algorithm>
#include <cmath>

#include "quantick/kernels/exp/exp.h"
#include "quantick/ops/activation/softmax_rows.h"

namespace quantick {
namespace {

struct Softmax : SoftmaxRows<Softmax> {
  static constexpr std::string_view name = "softmax", onnx = "Softmax";
  static constexpr std::string_view summary = "exp(x) over its sum along an axis, without overflow.";

  static void row(const double* x, double* y, int64_t n) {
    const double top = *std::max_element(x, x + n);
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += y[i] = std::exp(x[i] - top);
    for (int64_t i = 0; i < n; ++i) y[i] /= total;
  }
  static void kernel(const float* x, int64_t n, int64_t stride, float* y, Isa isa) noexcept {
    kernels::softmax_f32(x, n, stride, y, isa);
  }
  static double exact(double v, double total) { return std::exp(v) / total; }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::unit;
    form.fixed_format = {DType::i8, 0x1p-8f, -128};  // [0, 1) in 256 codes
    form.prepare = prepare;
    return form;
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array &y = call.outputs[0], &d = call.output_grads[0];
    return {y * (d - sum(d * y, {attrs.axis}, true))};
  }
};

}  // namespace

const Operator& softmax_operator() { return operator_row<Softmax>(); }

Array softmax(const Array& x, int axis) { return invoke1(softmax_operator(), to_attributes(AxisAttribute{axis}), {x}); }

}  // namespace quantick
