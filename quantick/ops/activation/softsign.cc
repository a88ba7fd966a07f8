#include <cmath>

#include "quantick/ops/elementwise/unary.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

struct Softsign : Unary<Softsign> {
  static constexpr std::string_view name = "softsign", onnx = "Softsign", family = "activation";
  static constexpr std::string_view summary = "x / (1 + |x|) (Turian et al. 2009).";

  template <class T>
  static T value(T v) {
    return v / (T(1) + std::abs(v));
  }
  static double exact(double v) { return v > 0 ? 1 - 1 / (1 + v) : 1 / (1 - v) - 1; }
  static Array slope(const Array&, const Array& y) { return square(1.0 - abs(y)); }

  /// float32 between integers: one sum, one division, each rounded once.
  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::unit;
    form.fixed_format = {DType::i8, 0x1p-7f, 0};  // [-1, 1) in 256 codes
    form.prepare = [](const PrepareCall& call) {
      const int64_t width = call.input_types[0].shape.size();
      return make_row_node(call, width, [=](const float* x, int64_t rows, float* y) {
        for (int64_t i = 0; i < rows * width; ++i) y[i] = value(x[i]);
      });
    };
    return form;
  }
};

}  // namespace

const Operator& softsign_operator() { return operator_row<Softsign>(); }

Array softsign(const Array& x) { return invoke1(softsign_operator(), {}, {x}); }

}  // namespace quantick
