#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Flatten {
  static constexpr std::string_view name = "flatten", family = "shape", onnx = "Flatten";
  static constexpr std::string_view summary = "[batch, ...] to [batch, product of the rest].";
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs&, const Types& in) {
    const Shape& shape = in[0].shape;
    QTK_CHECK(shape.ndim() >= 1, ShapeError, "[flatten] x, was {}, expected at least 1 dimension", shape.text());
    int64_t rest = 1;
    for (int i = 1; i < shape.ndim(); ++i) rest *= shape[i];
    return {{in[0].dtype, Shape{shape[0], rest}}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    return {in[0].reshape(infer({}, {in[0].type()})[0].shape)};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    return {Array::from(in[0].to_vector<double>(), infer({}, {in[0].type()})[0].shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    return {call.output_grads[0].reshape(call.inputs[0].shape())};
  }

  static IntegerForm integer_form() { return move_form<Flatten>(); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 3, 5})}, {}}, {{float32({4})}, {}}, {{float32({0, 2, 3})}, {}}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({})}, {}, "[flatten] x, was (), expected at least 1 dimension"}};
  }
};

}  // namespace

const Operator& flatten_operator() { return operator_row<Flatten>(); }

Array flatten(const Array& x) { return invoke1(flatten_operator(), {}, {x}); }

}  // namespace quantick
