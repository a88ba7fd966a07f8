#pragma once
// The two kernels on vectors of the compiler's: each file that includes this has its own copy,
// compiled for its instruction set. Integer sums may take any order; float sums have the written one.
#include <cstdint>

#include "quantick/kernels/attention/attention.h"
#include "quantick/kernels/exp/exp_value.h"

namespace quantick::kernels {

/// The largest weight of a key: for values of 8 bits, and of 16.
static constexpr float kNarrowWeight = 32767.0f, kWideWeight = 0x1p22f;
/// Products e * v with |v| <= 255 of which an int32 holds the sum: 2^31 / (32767 * 255) = 257.
static constexpr int64_t kNarrowKeys = 256;
/// Lanes of a float32 sum, in vectors of the instruction set's own width: g++ spills wider ones.
static constexpr int kDotLanes = 16, kDotVectors = kDotLanes / kExpLanes;
typedef int16_t NativeShorts __attribute__((vector_size(2 * kExpLanes)));
typedef float FourFloats __attribute__((vector_size(16)));
typedef int32_t FourInts __attribute__((vector_size(16)));
typedef int16_t FourShorts __attribute__((vector_size(8)));

[[gnu::always_inline]] static inline float attention_dot(const int16_t* a, const int16_t* b, int64_t n, bool wide) {
  if (wide) {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += int64_t{a[i]} * b[i];
    return static_cast<float>(sum);
  }
  ExpInts sums = {};
  int32_t sum = 0;
  int64_t k = 0;
  for (; k + kExpLanes <= n; k += kExpLanes) {
    NativeShorts u, v;
    __builtin_memcpy(&u, a + k, sizeof u);
    __builtin_memcpy(&v, b + k, sizeof v);
    sums += __builtin_convertvector(u, ExpInts) * __builtin_convertvector(v, ExpInts);
  }
  for (; k < n; ++k) sum += int32_t{a[k]} * b[k];
  for (int j = 0; j < kExpLanes; ++j) sum += sums[j];
  return static_cast<float>(sum);
}

/// In 16 lanes that fold by halves, as kernels/lane_sum.h has it.
[[gnu::always_inline]] static inline float attention_dot(const float* a, const float* b, int64_t n) {
  ExpFloats sums[kDotVectors] = {};
  int64_t k = 0;
  for (; k + kDotLanes <= n; k += kDotLanes)
#pragma GCC unroll 4
    for (int i = 0; i < kDotVectors; ++i) {
      ExpFloats u, v;
      __builtin_memcpy(&u, a + k + i * kExpLanes, sizeof u);
      __builtin_memcpy(&v, b + k + i * kExpLanes, sizeof v);
      sums[i] += u * v;
    }
  float lanes[kDotLanes];
  __builtin_memcpy(lanes, sums, sizeof sums);
  for (int j = 0; k < n; ++k, ++j) lanes[j] += a[k] * b[k];
  for (int j = 0; j < 8; ++j) lanes[j] += lanes[j + 8];
  for (int j = 0; j < 4; ++j) lanes[j] += lanes[j + 4];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

/// The largest of n scores; those of keys that do not count are -infinity.
[[gnu::always_inline]] static inline float attention_top(const float* p, int64_t n) {
  float top = -__builtin_inff();
  for (int64_t j = 0; j < n; ++j) top = p[j] > top ? p[j] : top;
  return top;
}

/// y = (sum of e v) / denominator for the values that one Int holds: int32_t, or a vector of them.
template <class Int, class Short>
[[gnu::always_inline]] static inline void weigh_s16(const AttentionRun<int16_t>* runs, int run_count, int64_t column,
                                                    int64_t stride, const int32_t* e, float denominator, float* y) {
  constexpr int kWidth = sizeof(Int) / sizeof(int32_t);
  int64_t sums[kWidth] = {};
  Int part = {};
  int32_t parts[kWidth];
  int64_t room = kNarrowKeys;
  for (int r = 0; r < run_count; ++r) {
    const int16_t* v = runs[r].values + column;
    for (int64_t j = 0; j < runs[r].count; ++j, v += stride, ++e) {
      Short value;
      __builtin_memcpy(&value, v, sizeof value);
      if constexpr (kWidth == 1)
        part += *e * int32_t{value};
      else
        part += __builtin_convertvector(value, Int) * *e;
      if (--room > 0) continue;
      __builtin_memcpy(parts, &part, sizeof part);
      for (int i = 0; i < kWidth; ++i) sums[i] += parts[i];
      part = Int{};
      room = kNarrowKeys;
    }
  }
  __builtin_memcpy(parts, &part, sizeof part);
  for (int i = 0; i < kWidth; ++i) y[i] = static_cast<float>(sums[i] + parts[i]) / denominator;
}

/// One column of values of 16 bits: sums of 64 bits.
[[gnu::always_inline]] static inline void weigh_wide_s16(const AttentionRun<int16_t>* runs, int run_count,
                                                         int64_t column, int64_t stride, const int32_t* e,
                                                         float denominator, float* y) {
  int64_t sum = 0;
  for (int r = 0; r < run_count; ++r)
    for (int64_t j = 0; j < runs[r].count; ++j, ++e) sum += int64_t{*e} * runs[r].values[j * stride + column];
  *y = static_cast<float>(sum) / denominator;
}

/// y = (sum of e v over ascending keys) / denominator for the values that one Float holds.
template <class Float>
[[gnu::always_inline]] static inline void weigh_f32(const AttentionRun<float>* runs, int run_count, int64_t column,
                                                    int64_t stride, const float* e, float denominator, float* y) {
  Float sum = {};
  for (int r = 0; r < run_count; ++r) {
    const float* v = runs[r].values + column;
    for (int64_t j = 0; j < runs[r].count; ++j, v += stride, ++e) {
      if (runs[r].attended && runs[r].attended[j] == 0) continue;  // its value may be NaN
      Float value;
      __builtin_memcpy(&value, v, sizeof value);
      sum += value * *e;
    }
  }
  sum = sum / denominator;
  __builtin_memcpy(y, &sum, sizeof sum);
}

[[gnu::always_inline]] static inline void attend_s16_rows(const AttentionHead& head, const int16_t* q,
                                                          const AttentionRun<int16_t>* runs, int run_count, float* p,
                                                          int32_t* e, float* y) {
  int64_t total = 0, last = -1;
  for (int r = 0; r < run_count; ++r) last += runs[r].count;
  for (int r = 0; r < run_count; ++r)
    for (int64_t j = 0; j < runs[r].count; ++j, ++total) {
      p[total] = -__builtin_inff();
      if (runs[r].attended && runs[r].attended[j] == 0) continue;
      const float product = attention_dot(q, runs[r].keys + j * head.key_stride, head.width, head.wide_scores);
      p[total] = product * head.scale - head.slope * static_cast<float>(last - total);
    }
  const float top = attention_top(p, total);
  if (top == -__builtin_inff()) {
    for (int64_t d = 0; d < head.value_width; ++d) y[d] = 0;
    return;
  }
  for (int64_t j = 0; j < total; ++j) p[j] -= top;
  exp_values(p, p, total);
  constexpr float kRound = 0x1.8p23f;  // adding it rounds to an integer, half to even
  const float largest = head.wide_values ? kWideWeight : kNarrowWeight;
  int64_t weights = 0;
  for (int64_t j = 0; j < total; ++j) {
    const int32_t code = __builtin_bit_cast(int32_t, p[j] * largest + kRound) - __builtin_bit_cast(int32_t, kRound);
    e[j] = code;
    weights += code;
  }
  const float denominator = static_cast<float>(weights);
  int64_t d = 0;
  if (head.wide_values)
    for (; d < head.value_width; ++d) weigh_wide_s16(runs, run_count, d, head.value_stride, e, denominator, y + d);
  for (; d + kExpLanes <= head.value_width; d += kExpLanes)
    weigh_s16<ExpInts, NativeShorts>(runs, run_count, d, head.value_stride, e, denominator, y + d);
  for (; d + 4 <= head.value_width; d += 4)
    weigh_s16<FourInts, FourShorts>(runs, run_count, d, head.value_stride, e, denominator, y + d);
  for (; d < head.value_width; ++d)
    weigh_s16<int32_t, int16_t>(runs, run_count, d, head.value_stride, e, denominator, y + d);
}

[[gnu::always_inline]] static inline void attend_f32_rows(const AttentionHead& head, const float* q,
                                                          const AttentionRun<float>* runs, int run_count, float* p,
                                                          float* y) {
  int64_t total = 0, last = -1;
  for (int r = 0; r < run_count; ++r) last += runs[r].count;
  for (int r = 0; r < run_count; ++r)
    for (int64_t j = 0; j < runs[r].count; ++j, ++total) {
      p[total] = -__builtin_inff();
      if (runs[r].attended && runs[r].attended[j] == 0) continue;
      const float product = attention_dot(q, runs[r].keys + j * head.key_stride, head.width);
      p[total] = product * head.scale - head.slope * static_cast<float>(last - total);
    }
  const float top = attention_top(p, total);
  if (top == -__builtin_inff()) {
    for (int64_t d = 0; d < head.value_width; ++d) y[d] = 0;
    return;
  }
  for (int64_t j = 0; j < total; ++j) p[j] -= top;
  exp_values(p, p, total);
  float denominator = 0;
  for (int64_t j = 0; j < total; ++j) denominator += p[j];
  int64_t d = 0;
  for (; d + kExpLanes <= head.value_width; d += kExpLanes)
    weigh_f32<ExpFloats>(runs, run_count, d, head.value_stride, p, denominator, y + d);
  for (; d + 4 <= head.value_width; d += 4)
    weigh_f32<FourFloats>(runs, run_count, d, head.value_stride, p, denominator, y + d);
  for (; d < head.value_width; ++d) weigh_f32<float>(runs, run_count, d, head.value_stride, p, denominator, y + d);
}

}  // namespace quantick::kernels
