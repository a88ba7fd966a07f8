#include <cmath>

#include "quantick/kernels/exp/exp.h"
#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Exp : Unary<Exp> {
  static constexpr std::string_view name = "exp", onnx = "Exp";
  static constexpr std::string_view summary =
      "e to the power x; float32 by the contract's exponential (docs/numerics.md, section 3).";

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    if (in[0].dtype() == DType::f64) return {map_unary<double, double>(in[0], [](double v) { return std::exp(v); })};
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape());
    const float* from = x.data<float>();
    float* to = y.mutable_data<float>();
    parallel_ranges(x.size(), kElementwiseGrain,
                    [=](int64_t begin, int64_t end) { kernels::exp_f32(from + begin, to + begin, end - begin); });
    return {y};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.prepare = [](const PrepareCall& call) {
      return make_element_node(call, name, [isa = active_isa()](const float* const* x, int64_t n, float* y) {
        kernels::exp_f32(x[0], y, n, isa);
      });
    };
    return form;
  }

  static double exact(double v) { return std::exp(v); }
  static Array slope(const Array& x, const Array& y) {
    (void)x;
    return y;
  }
};

}  // namespace

const Operator& exp_operator() { return operator_row<Exp>(); }

Array exp(const Array& x) { return invoke1(exp_operator(), {}, {x}); }

}  // namespace quantick
