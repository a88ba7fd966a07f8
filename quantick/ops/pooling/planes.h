#pragma once
// What the poolings share: planes [height, width] of x [batch, channels, height, width] or [batch, channels, width].
#include <algorithm>

#include "quantick/ops/convolution/windows.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {

/// Windows of a pooling; an empty `kernel` is the whole plane.
inline Windows pooling_windows(const Shape& x, const std::vector<int64_t>& kernel, const std::vector<int64_t>& strides,
                               const std::vector<int64_t>& pads, std::string_view who) {
  const std::span<const int64_t> plane(x.begin() + std::min(2, x.ndim()), x.end());
  const Windows out = make_windows(x, kernel.empty() ? plane : kernel, strides, pads, {}, who);
  for (const WindowAxis& axis : {out.h, out.w})
    QTK_CHECK(axis.begin < axis.window && axis.end < axis.window, ValueError,
              "[{}] pads, were {} and {}, expected less than the window of {}", who, axis.begin, axis.end, axis.window);
  return out;
}

/// The part of a window that lies on the plane.
struct Window {
  int64_t result;  ///< index of its output
  int64_t top, bottom, left, right;
  int64_t count() const { return (bottom - top) * (right - left); }
};

template <class F>
void for_each_window(const Windows& windows, F&& visit) {
  const WindowAxis &h = windows.h, &w = windows.w;
  for (int64_t y = 0; y < h.result(); ++y)
    for (int64_t x = 0; x < w.result(); ++x) {
      const int64_t top = y * h.stride - h.begin, left = x * w.stride - w.begin;
      visit(Window{y * w.result() + x, std::max<int64_t>(top, 0), std::min(top + h.window, h.size),
                   std::max<int64_t>(left, 0), std::min(left + w.window, w.size)});
    }
}

/// visit(place) for each place of the plane that lies in window `result`. Tests every place: for truths.
template <class F>
void for_each_place(const Windows& windows, int64_t result, F&& visit) {
  const WindowAxis &h = windows.h, &w = windows.w;
  for (int64_t i = 0; i < windows.inputs(); ++i) {
    const int64_t row = i / w.size + h.begin - result / w.result() * h.stride;
    const int64_t column = i % w.size + w.begin - result % w.result() * w.stride;
    if (row >= 0 && row < h.window && column >= 0 && column < w.window) visit(i);
  }
}

/// Planes of one piece of parallel work.
inline int64_t plane_grain(const Windows& windows) {
  return std::max<int64_t>(1, kElementwiseGrain / std::max<int64_t>(1, windows.inputs()));
}

/// The type rule of a pooling.
inline Types pooled(const Types& in, const Windows& windows) {
  return {{in[0].dtype, windows_shape(in[0].shape, in[0].shape[1], windows)}};
}

/// Planes of one batch row of a program; checks the types.
inline int64_t row_planes(const PrepareCall& call, const Windows& windows, std::string_view who) {
  const int64_t planes = call.input_types[0].shape[0];
  QTK_CHECK(call.output_type.shape.size() == planes * windows.results(), FormatError,
            "[{}] output channels, were {}, expected {} times {}", who, call.output_type.shape.text(), planes,
            windows.results());
  return planes;
}

/// The shape of a batch of one row.
inline Shape with_batch(const Shape& row) {
  Shape out = row;
  out.insert(0, 1);
  return out;
}

}  // namespace quantick
