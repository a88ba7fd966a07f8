#pragma once
// What the reductions over axes share. A struct T : Reduce<T> brings name, summary, onnx, a gradient rule, and
// `row(const F* x, int64_t n)`, the reduction of one contiguous row, in an order fixed by n alone. In fixed bits a row
// is reduced by `fixed_row(const float* x, int64_t n)` in float32, or by `row` where T has none: then nothing is
// rounded, and codes keep their format.
#include "quantick/core/thread_pool.h"
#include "quantick/ops/axes.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/reduce/reduce_node.h"

namespace quantick {

struct ReduceAttributes {
  std::vector<int64_t> axes;
  bool keepdims = false;
  static constexpr auto fields() {
    return std::make_tuple(field("axes", &ReduceAttributes::axes, "axes to reduce; all where empty"),
                           field("keepdims", &ReduceAttributes::keepdims, "keep reduced axes with extent 1"));
  }
};

template <class T>
struct Reduce {
  using Attrs = ReduceAttributes;
  static constexpr std::string_view family = "reduce";
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(T::name, "x", in[0]);
    const auto axes = normalize_axes(attrs.axes, in[0].shape.ndim(), T::name);
    if constexpr (requires { T::needs_elements; })
      for (const int axis : axes)
        QTK_CHECK(in[0].shape[axis] > 0, ValueError, "[{}] axis {} of {} is empty", T::name, axis, in[0].shape.text());
    return {{in[0].dtype, reduced_shape(in[0].shape, axes, attrs.keepdims)}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const auto axes = normalize_axes(attrs.axes, in[0].ndim(), T::name);
    const Array rows = reduced_last(in[0], axes);
    Array out = Array::empty(reduced_shape(in[0].shape(), axes, attrs.keepdims), in[0].dtype());
    const int64_t n = rows.shape()[1], grain = std::max<int64_t>(1, kElementwiseGrain / std::max<int64_t>(n, 1));
    visit_float(in[0].dtype(), [&](auto zero) {
      using F = decltype(zero);
      const F* x = rows.data<F>();
      F* y = out.mutable_data<F>();
      parallel_ranges(out.size(), grain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) y[i] = T::row(x + i * n, n);
      });
    });
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const auto axes = normalize_axes(attrs.axes, in[0].ndim(), T::name);
    const Shape kept = reduced_shape(in[0].shape(), axes, true);
    const Array index = Array::arange(0, static_cast<double>(kept.size()), 1, DType::i64).reshape(kept);
    const auto where = index.broadcast_to(in[0].shape()).to_vector<int64_t>();
    const auto x = in[0].to_vector<double>();
    std::vector<std::vector<double>> rows(static_cast<size_t>(kept.size()));
    for (size_t i = 0; i < x.size(); ++i) rows[static_cast<size_t>(where[i])].push_back(x[i]);
    std::vector<double> y;
    for (const auto& row : rows) y.push_back(T::exact(row));
    return {Array::from(y, reduced_shape(in[0].shape(), axes, attrs.keepdims))};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    GroupFunction function = nullptr;
    if constexpr (requires { &T::fixed_row; }) {
      function = T::fixed_row;
    } else {
      function = T::template row<float>;
      form.output = IntegerForm::OutputFormat::same;
    }
    form.prepare = [function](const PrepareCall& call) {
      return make_reduce_node(call, T::name, from_attributes<Attrs>(*call.attributes, T::name).axes, function);
    };
    return form;
  }

  /// An output-shaped array with the reduced axes back, extent 1.
  static Array with_axes(const Attrs& attrs, const GradientCall& call, const Array& reduced) {
    const Shape& shape = call.inputs[0].shape();
    return reduced.reshape(reduced_shape(shape, normalize_axes(attrs.axes, shape.ndim(), T::name), true));
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    for (const Shape& shape : {Shape{3, 5}, Shape{2, 3, 37}, Shape{1, 1, 2}})
      for (const auto& axes : {std::vector<int64_t>{}, {0}, {-1}, {0, -1}})
        for (const bool keepdims : {false, true})
          out.push_back({{float32(shape)}, to_attributes(Attrs{axes, keepdims})});
    out.push_back({{float32({0, 3})}, to_attributes(Attrs{{1}, false})});
    out.push_back({{float32({5000, 9})}, to_attributes(Attrs{{0}, false})});
    return out;
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, to_attributes(Attrs{{2}, false}), "axis, was 2, expected -2..1"},
            {{float32({2, 3})}, to_attributes(Attrs{{1, -1}, false}), "hold one axis twice"}};
  }
};

/// Sum of a row in float64: 16 lanes, then the lanes in order.
template <class F>
double row_sum(const F* x, int64_t n) {
  constexpr int64_t kLanes = 16;
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] += static_cast<double>(x[i + k]);
  for (int64_t k = 0; i < n; ++i, ++k) lanes[k] += static_cast<double>(x[i]);
  double total = 0;
  for (const double lane : lanes) total += lane;
  return total;
}

}  // namespace quantick
