#include <algorithm>

#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

/// Source axis of each output axis, non-negative, each once.
std::vector<int> order(const std::vector<int64_t>& axes, int ndim) {
  std::vector<int> out;
  for (int i = ndim - 1; axes.empty() && i >= 0; --i) out.push_back(i);
  QTK_CHECK(axes.empty() || static_cast<int>(axes.size()) == ndim, ShapeError,
            "[transpose] axes, was {} of them, expected {}", axes.size(), ndim);
  for (const int64_t axis : axes) {
    QTK_CHECK(axis >= -ndim && axis < ndim, IndexError, "[transpose] axis, was {}, expected {}..{}", axis, -ndim,
              ndim - 1);
    const int a = static_cast<int>(axis < 0 ? axis + ndim : axis);
    QTK_CHECK(std::find(out.begin(), out.end(), a) == out.end(), ValueError, "[transpose] axis {} twice", axis);
    out.push_back(a);
  }
  return out;
}

struct Transpose {
  static constexpr std::string_view name = "transpose", family = "shape", onnx = "Transpose";
  static constexpr std::string_view summary = "Axes in another order; reversed where none are given. A view.";
  struct Attrs {
    std::vector<int64_t> axes;
    static constexpr auto fields() {
      return std::make_tuple(field("axes", &Attrs::axes, "source axis of each output axis"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    Shape out;
    for (const int axis : order(attrs.axes, in[0].shape.ndim())) out.push_back(in[0].shape[axis]);
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {in[0].transpose(order(attrs.axes, in[0].ndim()))};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const auto axes = order(attrs.axes, in[0].ndim());
    const auto x = in[0].to_vector<double>();
    const Shape from = row_major_strides(in[0].shape());
    Shape shape;
    for (const int axis : axes) shape.push_back(in[0].shape()[axis]);
    std::vector<double> y;
    for (int64_t i = 0; i < shape.size(); ++i) {
      int64_t rest = i, at = 0;
      for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
        at += rest % shape[axis] * from[axes[static_cast<size_t>(axis)]];
        rest /= shape[axis];
      }
      y.push_back(x[static_cast<size_t>(at)]);
    }
    return {Array::from(y, shape)};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const auto axes = order(attrs.axes, call.inputs[0].ndim());
    std::vector<int> back(axes.size());
    for (size_t i = 0; i < axes.size(); ++i) back[static_cast<size_t>(axes[i])] = static_cast<int>(i);
    return {call.output_grads[0].transpose(back)};
  }

  static IntegerForm integer_form() { return move_form<Transpose>(); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 3, 5})}, to_attributes(Attrs{{1, 2, 0}})},
            {{float32({3, 5})}, to_attributes(Attrs{})},
            {{float32({0, 3})}, to_attributes(Attrs{})},
            {{float32({4, 2, 3})}, to_attributes(Attrs{{0, 2, -2}})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, to_attributes(Attrs{{0}}), "[transpose] axes, was 1 of them, expected 2"},
            {{float32({2, 3})}, to_attributes(Attrs{{0, 0}}), "[transpose] axis 0 twice"}};
  }
};

}  // namespace

const Operator& transpose_operator() { return operator_row<Transpose>(); }

Array transpose(const Array& x, const std::vector<int64_t>& axes) {
  return invoke1(transpose_operator(), to_attributes(Transpose::Attrs{axes}), {x});
}

}  // namespace quantick
