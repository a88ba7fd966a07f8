#include <cmath>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/activation/activation.h"
#include "quantick/ops/elementwise/unary.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

struct Sigmoid : Unary<Sigmoid> {
  static constexpr std::string_view name = "sigmoid", onnx = "Sigmoid", family = "activation";
  static constexpr std::string_view summary =
      "1 / (1 + exp(-x)); float32 by the contract's pieces (docs/numerics.md, section 3).";
  /// Half of a float32 unit at 1, and the pieces' own error (2.6e-7).
  static constexpr double tolerance = 6e-7;

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    if (in[0].dtype() == DType::f64)
      return {map_unary<double, double>(in[0], [](double v) { return 1 / (1 + std::exp(-v)); })};
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape());
    const float* from = x.data<float>();
    float* to = y.mutable_data<float>();
    parallel_ranges(x.size(), kElementwiseGrain,
                    [=](int64_t begin, int64_t end) { kernels::sigmoid_f32(from + begin, to + begin, end - begin); });
    return {y};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::unit;
    form.fixed_format = {DType::i8, 0x1p-8f, -128};  // [0, 1) in 256 codes
    form.prepare = [](const PrepareCall& call) {
      const int64_t width = call.input_types[0].shape.size();
      return make_row_node(call, width, [=, isa = active_isa()](const float* x, int64_t rows, float* y) {
        kernels::sigmoid_f32(x, y, rows * width, isa);
      });
    };
    return form;
  }

  static double exact(double v) { return v < 0 ? std::exp(v) / (1 + std::exp(v)) : 1 / (1 + std::exp(-v)); }
  static Array slope(const Array&, const Array& y) { return y * (1.0 - y); }
};

}  // namespace

const Operator& sigmoid_operator() { return operator_row<Sigmoid>(); }

Array sigmoid(const Array& x) { return invoke1(sigmoid_operator(), {}, {x}); }

}  // namespace quantick
