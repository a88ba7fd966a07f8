#pragma once
// One query of one head against its keys and values (docs/numerics.md, section 7).
// The integer form is exact but for a few float32 operations per query, so that
// neither the order of keys nor the instruction set shows in its bits; the float form has a written order, and the same
// bits on every instruction set too. The caller's float mode must be nearest-even with denormals kept
// (core/float_mode.h).
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// One head. Queries, keys and values have zero point 0.
struct AttentionHead {
  int64_t width = 0;                         ///< of a query and of a key
  int64_t value_width = 0;                   ///< of a value and of the result
  int64_t key_stride = 0, value_stride = 0;  ///< elements from one key (value) to the next
  float scale = 1;                           ///< of a score: that of q, times that of k, times the attention's own
  float slope = 0;                           ///< what a score loses with each key between its own and the last one
  bool wide_scores = false;                  ///< a sum of width products may leave 32 bits
  bool wide_values = false;                  ///< values may leave +-255
};

/// Keys that lie behind each other. A query sees several runs as one row of keys, in this order.
template <class T>
struct AttentionRun {
  const T* keys = nullptr;
  const T* values = nullptr;
  const uint8_t* attended = nullptr;  ///< 0: this key does not count; null: all count
  int64_t count = 0;
};

/// Weights of the keys are e = RNE(exp(p - max p) * W) with p = f32(q . k) * scale - slope * f32(keys behind it), W
/// 2^22 with wide_values and else 32767; y[d] = f32(sum e v[d]) / f32(sum e), or 0 where no key is attended. p and e
/// hold one element for each key; fewer than 2^31 keys.
void attend_s16(const AttentionHead& head, const int16_t* q, const AttentionRun<int16_t>* runs, int run_count, float* p,
                int32_t* e, float* y, Isa isa = active_isa()) noexcept;

/// In float32: e = exp(p - max p) with the same p, y[d] = sum e v[d] / sum e, both sums over ascending keys. p holds
/// one element for each key.
void attend_f32(const AttentionHead& head, const float* q, const AttentionRun<float>* runs, int run_count, float* p,
                float* y, Isa isa = active_isa()) noexcept;

/// The kernels behind the lists.
void attend_s16_scalar(const AttentionHead& head, const int16_t* q, const AttentionRun<int16_t>* runs, int run_count,
                       float* p, int32_t* e, float* y);
void attend_s16_avx2(const AttentionHead& head, const int16_t* q, const AttentionRun<int16_t>* runs, int run_count,
                     float* p, int32_t* e, float* y);
void attend_s16_avx512vnni(const AttentionHead& head, const int16_t* q, const AttentionRun<int16_t>* runs,
                           int run_count, float* p, int32_t* e, float* y);
void attend_f32_scalar(const AttentionHead& head, const float* q, const AttentionRun<float>* runs, int run_count,
                       float* p, float* y);
void attend_f32_avx2(const AttentionHead& head, const float* q, const AttentionRun<float>* runs, int run_count,
                     float* p, float* y);
void attend_f32_avx512vnni(const AttentionHead& head, const float* q, const AttentionRun<float>* runs, int run_count,
                           float* p, float* y);

}  // namespace quantick::kernels
