#include "quantick/kernels/lane_sum.h"
#include "quantick/ops/reduce/reduce.h"

namespace quantick {
namespace {

/// Rows of one partial sum over a leading axis.
constexpr int64_t kRowsPerPartial = 256;

struct Sum : Reduce<Sum> {
  static constexpr std::string_view name = "sum", onnx = "ReduceSum";
  static constexpr std::string_view summary = "The sum over axes, accumulated in float64 in a fixed order.";

  template <class F>
  static F row(const F* x, int64_t n) {
    return static_cast<F>(row_sum(x, n));
  }

  static float fixed_row(const float* x, int64_t n) {
    return kernels::lane_sum(n, [x](int64_t i) { return x[i]; });
  }

  /// Over leading axes of a contiguous array: column sums without a transposed copy (the gradient of a bias).
  template <class F>
  static void columns(const F* x, int64_t n, int64_t width, F* y) {
    const int64_t parts = std::max<int64_t>(1, (n + kRowsPerPartial - 1) / kRowsPerPartial);
    std::vector<double> partial(static_cast<size_t>(parts * width), 0.0);
    parallel_for(parts, [&](int64_t part) {
      double* to = partial.data() + part * width;
      const int64_t end = std::min(n, (part + 1) * kRowsPerPartial);
      for (int64_t i = part * kRowsPerPartial; i < end; ++i)
        for (int64_t k = 0; k < width; ++k) to[k] += static_cast<double>(x[i * width + k]);
    });
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t k = 0; k < width; ++k)
        partial[static_cast<size_t>(k)] += partial[static_cast<size_t>(part * width + k)];
    for (int64_t k = 0; k < width; ++k) y[k] = static_cast<F>(partial[static_cast<size_t>(k)]);
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const auto axes = normalize_axes(attrs.axes, in[0].ndim(), name);
    const int count = static_cast<int>(axes.size());
    const bool leading = count > 0 && count < in[0].ndim() && axes.back() == count - 1;
    if (!leading) return Reduce<Sum>::forward(attrs, in);
    const Array x = in[0].contiguous();
    Array out = Array::empty(reduced_shape(x.shape(), axes, attrs.keepdims), x.dtype());
    const int64_t width = out.size(), n = width == 0 ? 0 : x.size() / width;
    visit_float(x.dtype(), [&](auto zero) {
      using F = decltype(zero);
      columns(x.data<F>(), n, width, out.mutable_data<F>());
    });
    return {out};
  }

  static double exact(const std::vector<double>& row) {
    double total = 0;
    for (const double v : row) total += v;
    return total;
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    return {with_axes(attrs, call, call.output_grads[0]).broadcast_to(call.inputs[0].shape())};
  }
};

}  // namespace

const Operator& sum_operator() { return operator_row<Sum>(); }

Array sum(const Array& x, const std::vector<int64_t>& axes, bool keepdims) {
  return invoke1(sum_operator(), to_attributes(ReduceAttributes{axes, keepdims}), {x});
}

}  // namespace quantick
