#pragma once
// What softmax and log_softmax share: rows along one axis.
#include "quantick/core/thread_pool.h"
#include "quantick/ops/axes.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/row_node.h"

namespace quantick {

struct AxisAttribute {
  int64_t axis = -1;
  static constexpr auto fields() {
    return std::make_tuple(field("axis", &AxisAttribute::axis, "axis along which the values belong together"));
  }
};

/// A struct T : SoftmaxRows<T> brings name, summary, onnx, a gradient rule, `row(x, y, n)` in double, the kernel
/// `kernel(x, n, stride, y, isa)` in float32, and `exact(v, total)`.
template <class T>
struct SoftmaxRows {
  using Attrs = AxisAttribute;
  static constexpr std::string_view family = "activation";
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(T::name, "x", in[0]);
    normalize_axes({attrs.axis}, in[0].shape.ndim(), T::name);
    return in;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const int axis = static_cast<int>(attrs.axis);
    const Array x = move_axis_last(in[0], axis).contiguous();
    Array y = Array::empty(x.shape(), x.dtype());
    const int64_t n = x.shape()[-1], rows = n == 0 ? 0 : x.size() / n;
    const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / std::max<int64_t>(n, 1));
    parallel_ranges(rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        if (x.dtype() == DType::f32)
          T::kernel(x.data<float>() + i * n, n, 1, reinterpret_cast<float*>(y.mutable_raw()) + i * n, active_isa());
        else
          T::row(x.data<double>() + i * n, reinterpret_cast<double*>(y.mutable_raw()) + i * n, n);
    });
    return {move_last_axis(y, axis).contiguous()};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const int axis = static_cast<int>(attrs.axis);
    const Array x = move_axis_last(in[0], axis);
    std::vector<double> v = x.to_vector<double>();
    const auto n = static_cast<size_t>(x.shape()[-1]);
    for (size_t at = 0; n > 0 && at < v.size(); at += n) {
      double total = 0;
      for (size_t i = 0; i < n; ++i) total += std::exp(v[at + i]);
      for (size_t i = 0; i < n; ++i) v[at + i] = T::exact(v[at + i], total);
    }
    return {move_last_axis(Array::from(v, x.shape()), axis).contiguous()};
  }

  /// The kernel's float32 between the formats of input and output.
  static std::unique_ptr<IntegerNode> prepare(const PrepareCall& call) {
    const Shape& row = call.input_types[0].shape;
    const int64_t asked = from_attributes<Attrs>(*call.attributes, T::name).axis;
    const int64_t axis = asked < 0 ? asked + row.ndim() : asked - call.lead_axes;
    QTK_CHECK(axis >= 0 && axis < row.ndim(), UnsupportedError,
              "[{}] axis, was {}, expected an axis of the channels {}: steps and batch stay apart", T::name, asked,
              row.text());
    const int64_t n = row[static_cast<int>(axis)];
    int64_t inner = 1;
    for (int i = static_cast<int>(axis) + 1; i < row.ndim(); ++i) inner *= row[i];
    const int64_t outer = n * inner == 0 ? 0 : row.size() / (n * inner);
    return make_row_node(call, row.size(), [=, isa = active_isa()](const float* x, int64_t rows, float* y) {
      for (int64_t i = 0; i < rows * outer; ++i)
        for (int64_t j = 0; j < inner; ++j) T::kernel(x + i * n * inner + j, n, inner, y + i * n * inner + j, isa);
    });
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({3, 5})}, to_attributes(Attrs{-1})}, {{float32({4, 7, 2})}, to_attributes(Attrs{1})},
            {{float32({33})}, to_attributes(Attrs{0})},    {{float32({3, 2, 40})}, to_attributes(Attrs{2})},
            {{float32({0, 2})}, to_attributes(Attrs{1})},  {{float32({2, 0})}, to_attributes(Attrs{1})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3})}, to_attributes(Attrs{2}), "axis, was 2, expected -2..1"}};
  }
};

}  // namespace quantick
