#pragma once
// The order of float32 sums along a row (docs/numerics.md, section 6). Not for files with raised instruction sets.
#include <cstdint>

namespace quantick::kernels {

inline constexpr int kSumLanes = 16;

/// Adds lanes 8..15 to 0..7, then 4..7 to 0..3, and so on.
inline float fold_lanes(float* lanes) {
  for (int half = kSumLanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  return lanes[0];
}

/// Lane j sums value(k) for k = j mod 16, k ascending, from +0; then the lanes fold by halves.
template <class Value>
float lane_sum(int64_t n, Value value) {
  float lanes[kSumLanes] = {};
  int64_t k = 0;
  for (; k + kSumLanes <= n; k += kSumLanes)
    for (int j = 0; j < kSumLanes; ++j) lanes[j] += value(k + j);
  for (int j = 0; k < n; ++k, ++j) lanes[j] += value(k);
  return fold_lanes(lanes);
}

}  // namespace quantick::kernels
