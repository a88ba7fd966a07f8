#include "quantick/ops/shape/code_move.h"
#include "quantick/ops/sum_to.h"

namespace quantick {
namespace {

struct BroadcastTo {
  static constexpr std::string_view name = "broadcast_to", family = "shape", onnx = "Expand";
  static constexpr std::string_view summary = "Repeats axes of extent 1, and leading axes, up to a shape; a view.";
  struct Attrs {
    std::vector<int64_t> shape;
    static constexpr auto fields() { return std::make_tuple(field("shape", &Attrs::shape, "wanted extents")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    const Shape wanted(attrs.shape);
    for (const int64_t extent : wanted)
      QTK_CHECK(extent >= 0, ShapeError, "[broadcast_to] shape, was {}, expected no negative extent", wanted.text());
    QTK_CHECK(broadcast_shapes(in[0].shape, wanted, name) == wanted, ShapeError,
              "[broadcast_to] shape {} does not broadcast to {}", in[0].shape.text(), wanted.text());
    return {{in[0].dtype, wanted}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].broadcast_to(Shape(attrs.shape))};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Shape wanted(attrs.shape), &from = in[0].shape();
    const auto x = in[0].to_vector<double>();
    std::vector<double> y;
    for (int64_t i = 0; i < wanted.size(); ++i) {
      int64_t rest = i, at = 0, stride = 1;
      for (int axis = wanted.ndim() - 1, own = from.ndim() - 1; own >= 0; --axis, --own) {
        at += (from[own] == 1 ? 0 : rest % wanted[axis]) * stride;
        rest /= wanted[axis];
        stride *= from[own];
      }
      y.push_back(x[static_cast<size_t>(at)]);
    }
    return {Array::from(y, wanted)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    return {sum_to(call.output_grads[0], call.inputs[0].type())};
  }

  /// The leading extents of the attribute are those of the traced steps and batch.
  static IntegerForm integer_form() {
    IntegerForm form = move_form<BroadcastTo>();
    form.prepare = [](const PrepareCall& call) {
      Attrs attrs = from_attributes<Attrs>(*call.attributes, name);
      attrs.shape = with_probe_lead(attrs.shape, call.lead_axes);
      return prepare_move<BroadcastTo>(call, attrs);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({3, 1})}, to_attributes(Attrs{{2, 3, 5}})},
            {{float32({})}, to_attributes(Attrs{{4}})},
            {{float32({3, 1, 4})}, to_attributes(Attrs{{3, 5, 4}})},
            {{float32({1, 3})}, to_attributes(Attrs{{0, 3}})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {
        {{float32({2})}, to_attributes(Attrs{{3}}), "[broadcast_to] shapes (2,) and (3,) do not broadcast"},
        {{float32({1})}, to_attributes(Attrs{{-1}}), "[broadcast_to] shape, was (-1,), expected no negative extent"}};
  }
};

}  // namespace

const Operator& broadcast_to_operator() { return operator_row<BroadcastTo>(); }

Array broadcast_to(const Array& x, const Shape& shape) {
  return invoke1(broadcast_to_operator(), to_attributes(BroadcastTo::Attrs{shape.to_vector()}), {x});
}

}  // namespace quantick
