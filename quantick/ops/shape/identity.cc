#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Identity {
  static constexpr std::string_view name = "identity", family = "shape", onnx = "Identity";
  static constexpr std::string_view summary =
      "The same values; between two formats of a fixed-bits program it is the conversion.";
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs&, const Types& in) { return in; }
  static Arrays forward(const Attrs&, std::span<const Array> in) { return {in[0].copy()}; }
  static Arrays truth(const Attrs&, std::span<const Array> in) { return {in[0]}; }
  static Arrays gradient(const Attrs&, const GradientCall& call) { return {call.output_grads[0]}; }

  static IntegerForm integer_form() {
    IntegerForm form = move_form<Identity>();
    form.output = IntegerForm::OutputFormat::calibrated;
    return form;
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{3, 5}, Shape{2, 3, 17}, Shape{5, 1030}})
      out.push_back({{float32(shape)}, {}});
    return out;
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2}), float32({2})}, {}, "[identity] inputs, was 2, expected 1"}};
  }
};

}  // namespace

const Operator& identity_operator() { return operator_row<Identity>(); }

Array identity(const Array& x) { return invoke1(identity_operator(), {}, {x}); }

}  // namespace quantick
