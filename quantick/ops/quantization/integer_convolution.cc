#include "quantick/ops/quantization/integer_convolution.h"

#include "quantick/core/thread_pool.h"
#include "quantick/ops/convolution/windows.h"
#include "quantick/ops/define.h"

namespace quantick {
namespace {

Windows windows_of(std::string_view who, const IntegerConvolutionAttrs& attrs, const Shape& x, const Shape& w) {
  const std::span<const int64_t> window(w.begin() + std::min(2, w.ndim()), w.end());
  return make_windows(x, window, attrs.strides, attrs.pads, attrs.dilations, who);
}

/// Codes in int32 less the zero point of their block of output channels, or of all.
std::vector<int32_t> centered_codes(const Array& codes, const Array& zero) {
  std::vector<int32_t> out = codes.astype(DType::i32).to_vector<int32_t>();
  if (!zero.defined() || out.empty()) return out;
  const auto zeros = zero.astype(DType::i32).to_vector<int32_t>();
  const size_t block = out.size() / zeros.size();
  for (size_t i = 0; i < out.size(); ++i) out[i] -= zeros[i / block];
  return out;
}

}  // namespace

Shape integer_convolution_shape(std::string_view who, const IntegerConvolutionAttrs& attrs, const Shape& x,
                                const Shape& w) {
  const Windows windows = windows_of(who, attrs, x, w);
  QTK_CHECK(w.ndim() == x.ndim(), ShapeError, "[{}] w, was {}, expected {} dimensions", who, w.text(), x.ndim());
  QTK_CHECK(attrs.groups >= 1 && w[0] % attrs.groups == 0, ValueError, "[{}] groups, was {}, expected a divisor of {}",
            who, attrs.groups, w[0]);
  check_extent(who, "channels of x", x[1], w[1] * attrs.groups);
  return windows_shape(x, w[0], windows);
}

void check_per_channel(std::string_view who, std::string_view what, const Shape& given, int64_t channels) {
  QTK_CHECK(given.ndim() <= 1 && (given.size() == 1 || given.size() == channels), ShapeError,
            "[{}] {}, was {}, expected one element or ({},)", who, what, given.text(), channels);
}

Array integer_convolution(const IntegerConvolutionAttrs& attrs, const Array& x, const Array& x_zero, const Array& w,
                          const Array& w_zero) {
  const auto [h, v] = windows_of("integer_convolution", attrs, x.shape(), w.shape());
  Array out = Array::empty(integer_convolution_shape("integer_convolution", attrs, x.shape(), w.shape()), DType::i64);
  const std::vector<int32_t> inputs = centered_codes(x, x_zero), weights = centered_codes(w, w_zero);
  const int64_t outputs = w.shape()[0], depth = w.shape()[1], channels = x.shape()[1];
  auto* y = out.mutable_data<int64_t>();
  const auto plane = [&, h = h, v = v](int64_t image, int64_t output, int64_t* to) {
    const int64_t first = image * channels + output / (outputs / attrs.groups) * depth;
    for (int64_t row = 0; row < h.result(); ++row)
      for (int64_t column = 0; column < v.result(); ++column) {
        int64_t total = 0;
        const int32_t* by = weights.data() + output * depth * h.window * v.window;
        for (int64_t c = first; c < first + depth; ++c)
          for (int64_t a = 0; a < h.window; ++a)
            for (int64_t b = 0; b < v.window; ++b, ++by) {
              const int64_t i = row * h.stride + a * h.dilation - h.begin;
              const int64_t j = column * v.stride + b * v.dilation - v.begin;
              if (i < 0 || i >= h.size || j < 0 || j >= v.size) continue;
              total += int64_t{*by} * inputs[static_cast<size_t>((c * h.size + i) * v.size + j)];
            }
        to[row * v.result() + column] = total;
      }
  };
  const int64_t results = h.result() * v.result();
  parallel_ranges(x.shape()[0] * outputs, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) plane(i / outputs, i % outputs, y + i * results);
  });
  return out;
}

std::vector<double> plain_convolution(const IntegerConvolutionAttrs& attrs, const Array& x, const Array& x_zero,
                                      const Array& w, const Array& w_zero) {
  const Shape shape = integer_convolution_shape("truth", attrs, x.shape(), w.shape());
  const Shape steps_x = row_major_strides(x.shape()), steps_w = row_major_strides(w.shape());
  const Shape steps_y = row_major_strides(shape);
  const auto u = x.to_vector<double>(), v = w.to_vector<double>();
  const double zero_x = x_zero.defined() ? x_zero.item() : 0;
  const auto zero_w = w_zero.defined() ? w_zero.to_vector<double>() : std::vector<double>{0};
  const auto listed = [](const std::vector<int64_t>& list, int axis, int64_t otherwise) {
    return list.empty() ? otherwise : list[static_cast<size_t>(axis - 2)];
  };
  std::vector<double> y(static_cast<size_t>(shape.size()));
  for (int64_t i = 0; i < x.size(); ++i)
    for (int64_t k = 0; k < w.size(); ++k) {
      const int64_t channel = i / steps_x[1] % x.shape()[1], output = k / steps_w[0];
      const int64_t group = output / (w.shape()[0] / attrs.groups);
      if (channel != group * w.shape()[1] + k / steps_w[1] % w.shape()[1]) continue;
      int64_t to = i / steps_x[0] * steps_y[0] + output * steps_y[1];
      bool met = true;
      for (int d = 2; d < shape.ndim() && met; ++d) {
        const int64_t tap = k / steps_w[d] % w.shape()[d] * listed(attrs.dilations, d, 1);
        const int64_t from = i / steps_x[d] % x.shape()[d] + listed(attrs.pads, d, 0) - tap;
        const int64_t stride = listed(attrs.strides, d, 1);
        met = from >= 0 && from % stride == 0 && from / stride < shape[d];
        to += from / stride * steps_y[d];
      }
      if (!met) continue;
      const double zero = zero_w[zero_w.size() == 1 ? 0 : static_cast<size_t>(output)];
      y[static_cast<size_t>(to)] += (u[static_cast<size_t>(i)] - zero_x) * (v[static_cast<size_t>(k)] - zero);
    }
  return y;
}

}  // namespace quantick
