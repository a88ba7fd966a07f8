#include "quantick/ops/define.h"

namespace quantick {
namespace {

struct SequenceLast {
  static constexpr std::string_view name = "sequence_last", family = "shape", onnx = "";
  static constexpr std::string_view summary = "The newest step: [steps, batch, ...] to [batch, ...].";
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs&, const Types& in) {
    Shape out = in[0].shape;
    QTK_CHECK(out.ndim() >= 2 && out[0] > 0, ShapeError, "[sequence_last] x, was {}, expected [steps > 0, batch, ...]",
              out.text());
    out.erase(0);
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const int64_t steps = in[0].shape()[0];
    return {in[0].slice(0, steps - 1, steps).squeeze(0)};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const auto x = in[0].to_vector<double>();
    Shape shape = in[0].shape();
    shape.erase(0);
    return {Array::from(std::vector<double>(x.end() - shape.size(), x.end()), shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array& x = call.inputs[0];
    Array whole = Array::zeros(x.shape(), x.dtype());
    whole.slice(0, x.shape()[0] - 1, x.shape()[0]).squeeze(0).assign(call.output_grads[0]);
    return {whole};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::last_step;
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({4, 2, 3})}, {}}, {{float32({1, 5})}, {}}, {{float32({3, 0, 2})}, {}}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({0, 2, 3})}, {}, "[sequence_last] x, was (0, 2, 3), expected [steps > 0, batch, ...]"}};
  }
};

}  // namespace

const Operator& sequence_last_operator() { return operator_row<SequenceLast>(); }

Array sequence_last(const Array& x) { return invoke1(sequence_last_operator(), {}, {x}); }

}  // namespace quantick
