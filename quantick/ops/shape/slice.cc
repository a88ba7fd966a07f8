#include <algorithm>

#include "quantick/ops/axes.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Slice {
  static constexpr std::string_view name = "slice", family = "shape", onnx = "Slice";
  static constexpr std::string_view summary =
      "Elements start, start + step, ... below stop along an axis, by the rules of Python; a view.";
  struct Attrs {
    int64_t axis = 0, start = 0, stop = 0, step = 1;
    static constexpr auto fields() {
      return std::make_tuple(field("axis", &Attrs::axis, "axis to cut"), field("start", &Attrs::start, "first index"),
                             field("stop", &Attrs::stop, "index past the last"),
                             field("step", &Attrs::step, "distance of indices, at least 1"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    const int axis = normalize_axis(attrs.axis, in[0].shape.ndim(), name);
    QTK_CHECK(attrs.step > 0, ValueError, "[slice] step, was {}, expected > 0", attrs.step);
    const int64_t n = in[0].shape[axis];
    const auto clip = [n](int64_t i) { return std::min(std::max<int64_t>(i < 0 ? i + n : i, 0), n); };
    Shape out = in[0].shape;
    const int64_t length = clip(attrs.stop) - clip(attrs.start);
    out[axis] = length <= 0 ? 0 : (length - 1) / attrs.step + 1;  // no sum with a step that may be huge
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].slice(static_cast<int>(attrs.axis), attrs.start, attrs.stop, attrs.step)};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const int axis = in[0].shape().normalize_axis(static_cast<int>(attrs.axis));
    const auto x = in[0].to_vector<double>();
    const int64_t n = in[0].shape()[axis];
    int64_t inner = 1;
    for (int i = axis + 1; i < in[0].ndim(); ++i) inner *= in[0].shape()[i];
    const int64_t start = attrs.start < 0 ? attrs.start + n : attrs.start;
    const int64_t stop = attrs.stop < 0 ? attrs.stop + n : attrs.stop;
    std::vector<double> y;
    for (size_t i = 0; i < x.size(); ++i) {
      const int64_t index = static_cast<int64_t>(i) / inner % n;
      if (index >= start && index < stop && (index - start) % attrs.step == 0) y.push_back(x[i]);
    }
    return {Array::from(y, infer(attrs, {in[0].type()})[0].shape)};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    Array whole = Array::zeros(call.inputs[0].shape(), call.inputs[0].dtype());
    whole.slice(static_cast<int>(attrs.axis), attrs.start, attrs.stop, attrs.step).assign(call.output_grads[0]);
    return {whole};
  }

  static IntegerForm integer_form() { return move_form<Slice>(); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({7, 3})}, to_attributes(Attrs{0, 1, 6, 2})},
            {{float32({3, 8})}, to_attributes(Attrs{-1, -3, 99, 1})},
            {{float32({2, 5, 3})}, to_attributes(Attrs{1, 0, -1, 1})},
            {{float32({4})}, to_attributes(Attrs{0, 2, 2, 1})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({4})}, to_attributes(Attrs{0, 0, 2, 0}), "[slice] step, was 0, expected > 0"},
            {{float32({4})}, to_attributes(Attrs{1, 0, 2, 1}), "axis, was 1"}};
  }
};

}  // namespace

const Operator& slice_operator() { return operator_row<Slice>(); }

Array slice(const Array& x, int axis, int64_t start, int64_t stop, int64_t step) {
  return invoke1(slice_operator(), to_attributes(Slice::Attrs{axis, start, stop, step}), {x});
}

}  // namespace quantick
