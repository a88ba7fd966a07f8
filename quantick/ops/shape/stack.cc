#include "quantick/ops/axes.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Stack {
  static constexpr std::string_view name = "stack", family = "shape", onnx = "";
  static constexpr std::string_view summary = "Arrays of one type side by side along a new axis.";
  static constexpr bool variadic = true;
  struct Attrs {
    int64_t axis = 0;
    static constexpr auto fields() { return std::make_tuple(field("axis", &Attrs::axis, "place of the new axis")); }
  };
  static int place(const Attrs& attrs, int ndim) { return normalize_axis(attrs.axis, ndim + 1, name); }
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    for (const TensorType& type : in)
      QTK_CHECK(type == in[0], ShapeError, "[stack] input, was {}, expected {}", type.text(), in[0].text());
    Shape out = in[0].shape;
    out.insert(place(attrs, out.ndim()), static_cast<int64_t>(in.size()));
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const int axis = place(attrs, in[0].ndim());
    Shape shape = in[0].shape();
    shape.insert(axis, static_cast<int64_t>(in.size()));
    Array out = Array::empty(shape, in[0].dtype());
    for (size_t i = 0; i < in.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      out.slice(axis, at, at + 1).assign(in[i].expand_dims(axis));
    }
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const int axis = place(attrs, in[0].ndim());
    int64_t outer = 1;
    for (int i = 0; i < axis; ++i) outer *= in[0].shape()[i];
    const int64_t inner = outer == 0 ? 0 : in[0].size() / outer;
    std::vector<double> y;
    for (int64_t o = 0; o < outer; ++o)
      for (const Array& x : in) {
        const auto v = x.to_vector<double>();
        y.insert(y.end(), v.begin() + o * inner, v.begin() + (o + 1) * inner);
      }
    Shape shape = in[0].shape();
    shape.insert(axis, static_cast<int64_t>(in.size()));
    return {Array::from(y, shape)};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const int axis = place(attrs, call.inputs[0].ndim());
    Arrays out;
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      out.push_back(call.output_grads[0].slice(axis, at, at + 1).squeeze(axis));
    }
    return out;
  }

  static IntegerForm integer_form() { return move_form<Stack>(kAllInputs); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 3}), float32({2, 3})}, to_attributes(Attrs{0})},
            {{float32({2, 3}), float32({2, 3}), float32({2, 3})}, to_attributes(Attrs{-1})},
            {{float32({}), float32({})}, to_attributes(Attrs{0})},
            {{float32({0, 3})}, to_attributes(Attrs{1})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2}), float32({3})},
             to_attributes(Attrs{0}),
             "[stack] input, was float32 (3,), expected float32 (2,)"}};
  }
};

}  // namespace

const Operator& stack_operator() { return operator_row<Stack>(); }

Array stack(const Arrays& xs, int axis) {
  return invoke(stack_operator(), to_attributes(Stack::Attrs{axis}), xs).front();
}

}  // namespace quantick
