#include <cmath>

#include "quantick/ops/code_clamp.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/element_node.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {
namespace {

struct Clip {
  static constexpr std::string_view name = "clip", family = "elementwise", onnx = "Clip";
  static constexpr std::string_view summary = "min(max(x, low), high); NaN stays.";
  struct Attrs {
    double low = 0, high = 0;
    static constexpr auto fields() {
      return std::make_tuple(field("low", &Attrs::low, "least value"), field("high", &Attrs::high, "largest value"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(attrs.low <= attrs.high, ValueError, "[clip] low, was {}, expected at most high, which is {}", attrs.low,
              attrs.high);
    return in;
  }

  template <class T>
  static T clamped(T v, T low, T high) {
    return v < low ? low : v > high ? high : v;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {visit_float(in[0].dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T low = static_cast<T>(attrs.low), high = static_cast<T>(attrs.high);
      return map_unary<T, T>(in[0], [=](T v) { return clamped(v, low, high); });
    })};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    std::vector<double> y = in[0].to_vector<double>();
    for (double& v : y) v = std::isnan(v) ? v : std::fmin(std::fmax(v, attrs.low), attrs.high);
    return {Array::from(y, in[0].shape())};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array& d = call.output_grads[0];
    return {d * cast(call.inputs[0] == call.outputs[0], d.dtype())};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.output = IntegerForm::OutputFormat::same;
    form.prepare = [](const PrepareCall& call) {
      const Attrs attrs = from_attributes<Attrs>(*call.attributes, name);
      QTK_CHECK(attrs.low <= attrs.high, FormatError, "[clip] bounds, were {} and {}, expected in order", attrs.low,
                attrs.high);
      const auto low = static_cast<float>(attrs.low), high = static_cast<float>(attrs.high);
      if (!keeps_codes(call))
        return make_element_node(call, name, [=](const float* const* x, int64_t n, float* y) {
          for (int64_t i = 0; i < n; ++i) y[i] = clamped(x[0][i], low, high);
        });
      return make_code_clamp(call, code_of(low, call.inputs[0]), code_of(high, call.inputs[0]));
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const Attributes bounds = to_attributes(Attrs{-0.75, 1.25});
    return {{{float32({3, 5})}, bounds}, {{float32({0})}, bounds}, {{float32({67})}, bounds}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2})}, to_attributes(Attrs{1, 0}), "[clip] low, was 1, expected at most high, which is 0"}};
  }
};

}  // namespace

const Operator& clip_operator() { return operator_row<Clip>(); }

Array clip(const Array& x, double low, double high) {
  return invoke1(clip_operator(), to_attributes(Clip::Attrs{low, high}), {x});
}

}  // namespace quantick
