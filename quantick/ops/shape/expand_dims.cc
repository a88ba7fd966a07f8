#include "quantick/ops/axes.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct ExpandDims {
  static constexpr std::string_view name = "expand_dims", family = "shape", onnx = "Unsqueeze";
  static constexpr std::string_view summary = "A new axis of extent 1; a view.";
  struct Attrs {
    int64_t axis = 0;
    static constexpr auto fields() { return std::make_tuple(field("axis", &Attrs::axis, "place of the new axis")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    const int ndim = in[0].shape.ndim();
    Shape out = in[0].shape;
    out.insert(normalize_axis(attrs.axis, ndim + 1, name), 1);
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].expand_dims(static_cast<int>(attrs.axis))};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    return {Array::from(in[0].to_vector<double>(), infer(attrs, {in[0].type()})[0].shape)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    return {call.output_grads[0].reshape(call.inputs[0].shape())};
  }

  static IntegerForm integer_form() { return move_form<ExpandDims>(); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 3})}, to_attributes(Attrs{1})},
            {{float32({2, 3})}, to_attributes(Attrs{-1})},
            {{float32({0})}, to_attributes(Attrs{0})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2})}, to_attributes(Attrs{3}), "[expand_dims] axis, was 3, expected -2..1"}};
  }
};

}  // namespace

const Operator& expand_dims_operator() { return operator_row<ExpandDims>(); }

Array expand_dims(const Array& x, int axis) {
  return invoke1(expand_dims_operator(), to_attributes(ExpandDims::Attrs{axis}), {x});
}

}  // namespace quantick
