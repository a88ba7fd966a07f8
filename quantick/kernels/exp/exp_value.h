#pragma once
// The exponential and the logarithm in float32 (docs/numerics.md, section 3), for one number or for a
// vector of the compiler's: each file that includes this has its own copy, compiled for its instruction set.
#include <cstdint>

namespace quantick::kernels {

#if defined(__AVX512F__)
inline constexpr int kExpLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kExpLanes = 8;
#else
inline constexpr int kExpLanes = 4;
#endif
typedef float ExpFloats __attribute__((vector_size(4 * kExpLanes)));
typedef int32_t ExpInts __attribute__((vector_size(4 * kExpLanes)));

/// Below, exp is +0: so no result is denormal.
static constexpr float kExpLowest = -87.0f;
/// Above, exp is infinite.
static constexpr float kExpHighest = 0x1.62e42ep6f;

/// x = e^x within 1 ulp; exp(+-0) = 1; never denormal; NaN gives the canonical quiet NaN. F is float with I int32_t, or
/// ExpFloats with ExpInts.
template <class F, class I>
[[gnu::always_inline]] static inline void exp_in_place(F& x) {
  constexpr float kLog2e = 0x1.715476p0f;
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // n * high is exact for |n| < 512
  constexpr float kRound = 0x1.8p23f;                                  // adding it rounds to an integer, half to even
  const F zero = F{} + 0.0f, lowest = zero + kExpLowest, highest = zero + kExpHighest;
  F a = x > lowest ? x : lowest;
  a = a < highest ? a : highest;
  const F shifted = a * kLog2e + kRound;
  const F n = shifted - kRound;
  const F high = a - n * kLn2High;
  const F r = high - n * kLn2Low;
  F q = r * 0x1.687ec0p-10f + 0x1.123c16p-7f;
  q = q * r + 0x1.555b58p-5f;
  q = q * r + 0x1.55548ep-3f;
  q = q * r + 0x1.fffff8p-2f;
  const F y = (q * (r * r) + r) + 1.0f;
  // 2^n as two factors: 2^128 has no float32.
  const I exponent = __builtin_bit_cast(I, shifted) - __builtin_bit_cast(int32_t, kRound);
  const I half = exponent >> 1;
  const F first = __builtin_bit_cast(F, (half + 127) << 23);
  const F second = __builtin_bit_cast(F, (exponent - half + 127) << 23);
  F result = (y * first) * second;
  result = x < lowest ? zero : result;
  result = x > highest ? zero + __builtin_inff() : result;
  x = x != x ? zero + __builtin_nanf("") : result;
}

[[gnu::always_inline]] static inline float exp_value(float x) {
  exp_in_place<float, int32_t>(x);
  return x;
}

/// y[i] = exp_value(x[i]); y may be x.
[[gnu::always_inline]] static inline void exp_values(const float* x, float* y, int64_t n) {
  ExpFloats v;
  for (; n >= kExpLanes; n -= kExpLanes, x += kExpLanes, y += kExpLanes) {
    __builtin_memcpy(&v, x, sizeof v);
    exp_in_place<ExpFloats, ExpInts>(v);
    __builtin_memcpy(y, &v, sizeof v);
  }
  for (int64_t i = 0; i < n; ++i) y[i] = exp_value(x[i]);
}

/// log(x) within 2 ulp for normal x >= 1, finite.
[[gnu::always_inline]] static inline float log_value(float x) {
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;
  // x = m * 2^e with m in [0.75, 1.5).
  const int32_t bits = __builtin_bit_cast(int32_t, x);
  const int32_t e = (bits - 0x3f400000) >> 23;
  const float m = __builtin_bit_cast(float, bits - (e << 23));
  const float f = m - 1.0f;
  const float s = f / (m + 1.0f);
  const float z = s * s;
  float q = 0x1.c71c72p-3f;  // 2 / 9, 2 / 7, 2 / 5, 2 / 3: log((1 + s) / (1 - s)) = 2 s + 2/3 s^3 + ...
  q = q * z + 0x1.24924ap-2f;
  q = q * z + 0x1.99999ap-2f;
  q = q * z + 0x1.555556p-1f;
  const float n = static_cast<float>(e);
  const float tail = (q * z) * s + n * kLn2Low;
  return (2.0f * s + tail) + n * kLn2High;
}

}  // namespace quantick::kernels
