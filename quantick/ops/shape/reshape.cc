#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

/// The wanted shape with its -1 filled in, and its zeros where they copy the extent of their axis.
Shape filled(const std::vector<int64_t>& wanted, const Shape& from, bool zeros_copy) {
  Shape out(wanted);
  int64_t rest = 1, known = 1;  // elements of the axes that are not copied, before and after
  int open = -1;
  for (int i = 0; i < from.ndim(); ++i)
    if (!zeros_copy || i >= out.ndim() || out[i] != 0) rest *= from[i];
  for (int i = 0; i < out.ndim(); ++i) {
    if (out[i] == 0 && zeros_copy && i < from.ndim()) {
      out[i] = from[i];
    } else if (out[i] >= 0) {
      QTK_CHECK(!__builtin_mul_overflow(known, out[i], &known), ShapeError,
                "[reshape] shape, was {}, expected {} elements", Shape(wanted).text(), from.size());
    } else {
      QTK_CHECK(out[i] == -1 && open < 0, ShapeError, "[reshape] shape, was {}, expected at most one -1",
                Shape(wanted).text());
      open = i;
    }
  }
  if (open >= 0) out[open] = known == 0 ? 0 : rest / known;
  return out;
}

/// A 0 copies an extent, as in MXNet and ONNX; where that does not fit it is an extent of 0, as in NumPy.
Shape resolve(const std::vector<int64_t>& wanted, const Shape& from) {
  Shape out = filled(wanted, from, true);
  if (out.size() != from.size()) out = filled(wanted, from, false);
  QTK_CHECK(out.size() == from.size(), ShapeError, "[reshape] {} elements of shape {} do not fit {}", from.size(),
            from.text(), Shape(wanted).text());
  return out;
}

struct Reshape {
  static constexpr std::string_view name = "reshape", family = "shape", onnx = "Reshape";
  static constexpr std::string_view summary =
      "The same elements in another shape: -1 is what remains (once), 0 the extent that the axis had.";
  struct Attrs {
    std::vector<int64_t> shape;
    static constexpr auto fields() { return std::make_tuple(field("shape", &Attrs::shape, "new extents")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) { return {{in[0].dtype, resolve(attrs.shape, in[0].shape)}}; }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].reshape(resolve(attrs.shape, in[0].shape()))};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    return {Array::from(in[0].to_vector<double>(), resolve(attrs.shape, in[0].shape()))};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    return {call.output_grads[0].reshape(call.inputs[0].shape())};
  }

  /// The leading extents of the attribute are those of the traced steps and batch.
  static IntegerForm integer_form() {
    IntegerForm form = move_form<Reshape>();
    form.prepare = [](const PrepareCall& call) {
      Attrs attrs = from_attributes<Attrs>(*call.attributes, name);
      attrs.shape = with_probe_lead(attrs.shape, call.lead_axes);
      return prepare_move<Reshape>(call, attrs);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 6})}, to_attributes(Attrs{{3, -1}})},
            {{float32({2, 3, 5})}, to_attributes(Attrs{{30}})},
            {{float32({0, 3})}, to_attributes(Attrs{{3, 0}})},
            {{float32({3, 8})}, to_attributes(Attrs{{0, 2, -1}})},
            {{float32({2, 3, 4, 5})}, to_attributes(Attrs{{0, 0, -1}})},
            {{float32({0, 6})}, to_attributes(Attrs{{0, -1, 2}})},
            {{float32({1})}, to_attributes(Attrs{{}})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, to_attributes(Attrs{{4, 2}}), "[reshape] 6 elements of shape (2, 3) do not fit (4, 2)"},
            {{float32({2, 3})}, to_attributes(Attrs{{-1, -1}}), "expected at most one -1"}};
  }
};

}  // namespace

const Operator& reshape_operator() { return operator_row<Reshape>(); }

Array reshape(const Array& x, const Shape& shape) {
  return invoke1(reshape_operator(), to_attributes(Reshape::Attrs{shape.to_vector()}), {x});
}

}  // namespace quantick
