#pragma once
// Where the windows of a convolution or a pooling lie: x [N, C, width] or [N, C, height, width].
#include <cstdint>
#include <span>
#include <string_view>

#include "quantick/tensor/array.h"

namespace quantick {

struct WindowAxis {
  int64_t size = 1;    ///< of x
  int64_t window = 1;  ///< taps
  int64_t stride = 1;
  int64_t begin = 0, end = 0;  ///< padding
  int64_t dilation = 1;        ///< between taps
  int64_t padded() const { return begin + size + end; }
  int64_t extent() const { return dilation * (window - 1) + 1; }
  /// Windows, each within the padded axis.
  int64_t result() const { return (padded() - extent()) / stride + 1; }
};

/// With one spatial axis, h is a single row.
struct Windows {
  WindowAxis h, w;
  int64_t inputs() const { return h.size * w.size; }
  int64_t results() const { return h.result() * w.result(); }
  int64_t taps() const { return h.window * w.window; }
};

/// `window`, and the lists of an operator's attributes, one value per spatial axis (`pads`: all begins, then all ends,
/// as ONNX has them); an empty list stands for ones, for pads zeros. Throws ShapeError and ValueError.
Windows make_windows(const Shape& x, std::span<const int64_t> window, std::span<const int64_t> strides,
                     std::span<const int64_t> pads, std::span<const int64_t> dilations, std::string_view who);

/// [N, `channels`, results...], with as many axes as x.
Shape windows_shape(const Shape& x, int64_t channels, const Windows& windows);

}  // namespace quantick
