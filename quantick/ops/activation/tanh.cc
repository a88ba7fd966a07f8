#include <cmath>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/activation/activation.h"
#include "quantick/ops/elementwise/unary.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

struct Tanh : Unary<Tanh> {
  static constexpr std::string_view name = "tanh", onnx = "Tanh", family = "activation";
  static constexpr std::string_view summary =
      "The hyperbolic tangent; float32 by the contract's pieces (docs/numerics.md, section 3).";
  /// Half of a float32 unit at 1, and the pieces' own error (4.6e-7).
  static constexpr double tolerance = 6e-7;

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    if (in[0].dtype() == DType::f64) return {map_unary<double, double>(in[0], [](double v) { return std::tanh(v); })};
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape());
    const float* from = x.data<float>();
    float* to = y.mutable_data<float>();
    parallel_ranges(x.size(), kElementwiseGrain,
                    [=](int64_t begin, int64_t end) { kernels::tanh_f32(from + begin, to + begin, end - begin); });
    return {y};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::unit;
    form.fixed_format = {DType::i8, 0x1p-7f, 0};  // [-1, 1) in 256 codes
    form.prepare = [](const PrepareCall& call) {
      const int64_t width = call.input_types[0].shape.size();
      return make_row_node(call, width, [=, isa = active_isa()](const float* x, int64_t rows, float* y) {
        kernels::tanh_f32(x, y, rows * width, isa);
      });
    };
    return form;
  }

  static double exact(double v) { return 1 - 2 / (std::exp(2 * v) + 1); }
  static Array slope(const Array&, const Array& y) { return 1.0 - square(y); }
};

}  // namespace

const Operator& tanh_operator() { return operator_row<Tanh>(); }

Array tanh(const Array& x) { return invoke1(tanh_operator(), {}, {x}); }

}  // namespace quantick
