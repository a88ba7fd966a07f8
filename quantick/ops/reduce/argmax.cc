#include <algorithm>

#include "quantick/ops/axes.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {
namespace {

struct ArgMax {
  static constexpr std::string_view name = "argmax", family = "reduce", onnx = "ArgMax";
  static constexpr std::string_view summary = "The index (int64) of the first largest value along an axis.";
  struct Attrs {
    int64_t axis = -1;
    static constexpr auto fields() { return std::make_tuple(field("axis", &Attrs::axis, "axis that vanishes")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    const auto axes = normalize_axes({attrs.axis}, in[0].shape.ndim(), name);
    QTK_CHECK(in[0].shape[axes[0]] > 0, ValueError, "[argmax] axis {} of {} is empty", attrs.axis, in[0].shape.text());
    return {{DType::i64, reduced_shape(in[0].shape, axes, false)}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const auto axes = normalize_axes({attrs.axis}, in[0].ndim(), name);
    const Array rows = reduced_last(in[0], axes);
    Array out = Array::empty(reduced_shape(in[0].shape(), axes, false), DType::i64);
    const int64_t n = rows.shape()[1];
    int64_t* y = out.mutable_data<int64_t>();
    visit_float(in[0].dtype(), [&](auto zero) {
      const auto* x = rows.data<decltype(zero)>();
      for (int64_t i = 0; i < out.size(); ++i) y[i] = std::max_element(x + i * n, x + i * n + n) - (x + i * n);
    });
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Array x = move_axis_last(in[0], static_cast<int>(attrs.axis));
    const auto v = x.to_vector<double>();
    const auto n = static_cast<size_t>(x.shape()[-1]);
    std::vector<double> y;
    for (size_t at = 0; at < v.size(); at += n) {
      size_t best = 0;
      for (size_t i = 0; i < n; ++i)
        if (v[at + i] > v[at + best]) best = i;
      y.push_back(static_cast<double>(best));
    }
    Shape shape = x.shape();
    shape.erase(-1);
    return {Array::from(y, shape)};
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({3, 5})}, to_attributes(Attrs{-1})},
            {{float32({4, 7, 2})}, to_attributes(Attrs{1})},
            {{float32({0, 2})}, to_attributes(Attrs{1})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 0})}, to_attributes(Attrs{1}), "[argmax] axis 1 of (2, 0) is empty"}};
  }
};

}  // namespace

const Operator& argmax_operator() { return operator_row<ArgMax>(); }

Array argmax(const Array& x, int axis) { return invoke1(argmax_operator(), to_attributes(ArgMax::Attrs{axis}), {x}); }

}  // namespace quantick
