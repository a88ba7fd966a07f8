#pragma once
// Requantization of one number (docs/numerics.md, section 2): convert, multiply, clamp in float, round half to even.
// The clamp comes first because x86 turns every float past int32 into -2^31; the limits are integers, so it commutes
// with rounding. Not for files with raised instruction sets (inline functions would be merged across them).
#include <cmath>
#include <cstdint>

namespace quantick::kernels {

/// Integer limits of a result less its zero point, as floats: what is clamped before the zero point is added.
struct OutputLimits {
  float low = -128;
  float high = 127;
  int32_t zero = 0;
};

/// Limits of a signed result of `bits` bits (at most 16) with a zero point of magnitude at most 2^16.
inline OutputLimits output_limits(int bits, int32_t zero) {
  const int32_t top = int32_t{1} << (bits - 1);
  return {static_cast<float>(-top - zero), static_cast<float>(top - 1 - zero), zero};
}

/// sat(RNE(v) + zero). NaN gives the lowest code, which is the code of a missing value.
inline int32_t round_to_limits(float v, const OutputLimits& limits) {
  v = v > limits.low ? v : limits.low;
  v = v < limits.high ? v : limits.high;
  return static_cast<int32_t>(std::rint(v)) + limits.zero;
}

/// sat(rq(a; scale) + zero).
inline int32_t requantize(int64_t a, float scale, const OutputLimits& limits) {
  return round_to_limits(static_cast<float>(a) * scale, limits);
}

/// sat(rq2(a, scale_a, b, scale_b) + zero): two products, one sum, one rounding.
inline int32_t requantize2(int64_t a, float scale_a, int64_t b, float scale_b, const OutputLimits& limits) {
  const float first = static_cast<float>(a) * scale_a;
  const float second = static_cast<float>(b) * scale_b;
  return round_to_limits(first + second, limits);
}

}  // namespace quantick::kernels
