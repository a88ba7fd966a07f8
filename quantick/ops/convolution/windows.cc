#include "quantick/ops/convolution/windows.h"

#include "quantick/core/error.h"

namespace quantick {
namespace {

// Bound of what attributes say: products of two stay far from overflow.
constexpr int64_t kMost = int64_t{1} << 24;

void check_list(std::span<const int64_t> list, size_t axes, int64_t least, std::string_view what,
                std::string_view who) {
  QTK_CHECK(list.empty() || list.size() == axes, ValueError, "[{}] {}, were {} values, expected none or {}", who, what,
            list.size(), axes);
  for (const int64_t v : list)
    QTK_CHECK(v >= least && v <= kMost, ValueError, "[{}] {}, held {}, expected >= {}{}", who, what, v, least,
              v < least ? "" : " and at most 2^24");
}

}  // namespace

Windows make_windows(const Shape& x, std::span<const int64_t> window, std::span<const int64_t> strides,
                     std::span<const int64_t> pads, std::span<const int64_t> dilations, std::string_view who) {
  QTK_CHECK(x.ndim() == 3 || x.ndim() == 4, ShapeError,
            "[{}] x, was {}, expected [batch, channels, width] or [batch, channels, height, width]", who, x.text());
  const auto axes = static_cast<size_t>(x.ndim() - 2);
  check_list(window, axes, 1, "window", who);
  check_list(strides, axes, 1, "strides", who);
  check_list(pads, 2 * axes, 0, "pads", who);
  check_list(dilations, axes, 1, "dilations", who);
  Windows out;
  for (size_t i = 0; i < axes; ++i) {
    WindowAxis& axis = i + 1 == axes ? out.w : out.h;
    axis.size = x[static_cast<int>(i) + 2];
    if (!window.empty()) axis.window = window[i];
    if (!strides.empty()) axis.stride = strides[i];
    if (!pads.empty()) axis.begin = pads[i], axis.end = pads[axes + i];
    if (!dilations.empty()) axis.dilation = dilations[i];
    QTK_CHECK(axis.padded() >= axis.extent(), ShapeError,
              "[{}] window of {} taps, reaches over {}, expected at most {}", who, axis.window, axis.extent(),
              axis.padded());
  }
  return out;
}

Shape windows_shape(const Shape& x, int64_t channels, const Windows& windows) {
  if (x.ndim() == 3) return {x[0], channels, windows.w.result()};
  return {x[0], channels, windows.h.result(), windows.w.result()};
}

}  // namespace quantick
