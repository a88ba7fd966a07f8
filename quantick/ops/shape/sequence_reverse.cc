#include "quantick/ops/define.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

/// Moves codes, or converts them, a step at a time.
class SequenceReverseNode : public IntegerNode {
 public:
  explicit SequenceReverseNode(const PrepareCall& call)
      : in_bytes_(call.input_types[0].shape.size() * dtype_size(call.inputs[0].dtype)),
        out_bytes_(call.output_type.shape.size() * dtype_size(call.output.dtype)) {
    check_extent("sequence_reverse", "output channels", call.output_type.shape.size(),
                 call.input_types[0].shape.size());
    move_ = make_move_node(call, {{.count = call.output_type.shape.size()}});
  }
  void run(const Call& call) const noexcept override {
    for (int64_t t = 0; t < call.steps; ++t) {
      const void* from = static_cast<const std::byte*>(call.inputs[0]) + t * call.batch * in_bytes_;
      move_->run({.batch = call.batch,
                  .inputs = std::span(&from, 1),
                  .output = static_cast<std::byte*>(call.output) + (call.steps - 1 - t) * call.batch * out_bytes_,
                  .scratch = call.scratch});
    }
  }
  int64_t scratch_bytes(int64_t, int64_t batch) const override { return move_->scratch_bytes(1, batch); }

 private:
  int64_t in_bytes_, out_bytes_;
  std::unique_ptr<IntegerNode> move_;
};

struct SequenceReverse {
  static constexpr std::string_view name = "sequence_reverse", family = "shape", onnx = "";
  static constexpr std::string_view summary = "[steps, batch, ...] with the steps in reverse order.";
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs&, const Types& in) {
    QTK_CHECK(in[0].shape.ndim() >= 2, ShapeError, "[sequence_reverse] x, was {}, expected [steps, batch, ...]",
              in[0].shape.text());
    return {in[0]};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const int64_t steps = in[0].shape()[0];
    Array out = Array::empty(in[0].shape(), in[0].dtype());
    for (int64_t t = 0; t < steps; ++t) out.slice(0, steps - 1 - t, steps - t).assign(in[0].slice(0, t, t + 1));
    return {out};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const auto x = in[0].to_vector<double>();
    const auto steps = static_cast<size_t>(in[0].shape()[0]);
    std::vector<double> y(x.size());
    for (size_t i = 0, step = steps == 0 ? 0 : x.size() / steps; i < x.size(); ++i)
      y[i] = x[(steps - 1 - i / step) * step + i % step];
    return {Array::from(y, in[0].shape())};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) { return {sequence_reverse(call.output_grads[0])}; }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::window;
    form.output = IntegerForm::OutputFormat::same;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      return std::make_unique<SequenceReverseNode>(call);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({4, 2, 3})}, {}},
            {{float32({1, 5, 2})}, {}},
            {{float32({3, 4})}, {}},
            {{float32({3, 0, 2})}, {}},
            {{float32({17, 3, 5, 2})}, {}}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({4})}, {}, "[sequence_reverse] x, was (4,), expected [steps, batch, ...]"}};
  }
};

}  // namespace

const Operator& sequence_reverse_operator() { return operator_row<SequenceReverse>(); }

Array sequence_reverse(const Array& x) { return invoke1(sequence_reverse_operator(), {}, {x}); }

}  // namespace quantick
