#include "quantick/ops/define.h"

namespace quantick {
namespace {

struct Cast {
  static constexpr std::string_view name = "cast", family = "elementwise", onnx = "Cast";
  static constexpr std::string_view summary = "The values in another dtype; float to integer saturates, NaN becomes 0.";
  struct Attrs {
    std::string dtype = "float32";
    static constexpr auto fields() { return std::make_tuple(field("dtype", &Attrs::dtype, "NumPy name")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) { return {{dtype_from_name(attrs.dtype), in[0].shape}}; }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].astype(dtype_from_name(attrs.dtype))};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) { return {in[0]}; }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    if (!is_float(call.inputs[0].dtype()) || !is_float(call.outputs[0].dtype())) return {Array()};
    return {call.output_grads[0].astype(call.inputs[0].dtype())};
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({3, 5})}, to_attributes(Attrs{"float64"})}, {{float32({0, 2})}, to_attributes(Attrs{"float64"})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2})}, to_attributes(Attrs{"float31"}), "[dtype] name, was \"float31\""}};
  }
};

}  // namespace

const Operator& cast_operator() { return operator_row<Cast>(); }

Array cast(const Array& x, DType dtype) {
  return invoke1(cast_operator(), to_attributes(Cast::Attrs{std::string(dtype_name(dtype))}), {x});
}

}  // namespace quantick
