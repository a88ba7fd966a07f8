#include <cmath>

#include "quantick/ops/code_clamp.h"
#include "quantick/ops/elementwise/unary.h"

namespace quantick {
namespace {

struct Relu : Unary<Relu> {
  static constexpr std::string_view name = "relu", onnx = "Relu";
  static constexpr std::string_view family = "activation";
  static constexpr std::string_view summary = "max(x, 0); NaN stays.";

  template <class T>
  static T value(T v) {
    return v < 0 ? T(0) : v;
  }
  static double exact(double v) { return v < 0 ? 0 : v; }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::same;
    form.prepare = [](const PrepareCall& call) {
      if (!keeps_codes(call)) return make_element_node(call, name, elements);
      return make_code_clamp(call, call.inputs[0].zero_point,
                             static_cast<int32_t>((int64_t{1} << (call.inputs[0].bits() - 1)) - 1));
    };
    return form;
  }

  static Array slope(const Array& x, const Array& y) {
    (void)y;
    return cast(x > 0.0, x.dtype());
  }
};

}  // namespace

const Operator& relu_operator() { return operator_row<Relu>(); }

Array relu(const Array& x) { return invoke1(relu_operator(), {}, {x}); }

}  // namespace quantick
