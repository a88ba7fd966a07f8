#include "quantick/ops/axes.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Squeeze {
  static constexpr std::string_view name = "squeeze", family = "shape", onnx = "Squeeze";
  static constexpr std::string_view summary = "Without an axis of extent 1; a view.";
  struct Attrs {
    int64_t axis = 0;
    static constexpr auto fields() { return std::make_tuple(field("axis", &Attrs::axis, "axis that vanishes")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    Shape out = in[0].shape;
    const int axis = normalize_axis(attrs.axis, out.ndim(), name);
    QTK_CHECK(out[axis] == 1, ShapeError, "[squeeze] extent of axis {}, was {}, expected 1", attrs.axis, out[axis]);
    out.erase(axis);
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].squeeze(static_cast<int>(attrs.axis))};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    return {Array::from(in[0].to_vector<double>(), infer(attrs, {in[0].type()})[0].shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    return {call.output_grads[0].reshape(call.inputs[0].shape())};
  }

  static IntegerForm integer_form() { return move_form<Squeeze>(); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 1, 3})}, to_attributes(Attrs{1})},
            {{float32({5, 1})}, to_attributes(Attrs{-1})},
            {{float32({1, 0})}, to_attributes(Attrs{0})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, to_attributes(Attrs{1}), "[squeeze] extent of axis 1, was 3, expected 1"}};
  }
};

}  // namespace

const Operator& squeeze_operator() { return operator_row<Squeeze>(); }

Array squeeze(const Array& x, int axis) {
  return invoke1(squeeze_operator(), to_attributes(Squeeze::Attrs{axis}), {x});
}

}  // namespace quantick
