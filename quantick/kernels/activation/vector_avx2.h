#pragma once
// 8 floats as a vector of the cells' templates (vector_scalar.h says what its members do). For files compiled for AVX2
// only.
#if defined(__AVX2__)
#include "quantick/kernels/activation/pieces_avx2.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int64_t kLanes = 8;
  __m256 v;
  [[gnu::always_inline]] static __m256i mask(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  [[gnu::always_inline]] static Vector load(const float* p, int64_t count) {
    return {count == kLanes ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, mask(count))};
  }
  [[gnu::always_inline]] static void store(float* p, Vector x, int64_t count) {
    if (count == kLanes)
      _mm256_storeu_ps(p, x.v);
    else
      _mm256_maskstore_ps(p, mask(count), x.v);
  }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm256_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector sigmoid(Vector x) { return {sigmoid_avx2(x.v)}; }
  [[gnu::always_inline]] static Vector tanh(Vector x) { return {tanh_avx2(x.v)}; }
  [[gnu::always_inline]] static Vector sigmoid_of_number(Vector x) { return {sigmoid_of_number_avx2(x.v)}; }
  [[gnu::always_inline]] static Vector tanh_of_number(Vector x) { return {tanh_of_number_avx2(x.v)}; }
  [[gnu::always_inline]] static Vector within(Vector x, float limit) {
    return {_mm256_min_ps(_mm256_max_ps(x.v, _mm256_set1_ps(-limit)), _mm256_set1_ps(limit))};
  }
  [[gnu::always_inline]] static Vector round_within(Vector x, float limit) {
    return {_mm256_cvtepi32_ps(_mm256_cvtps_epi32(within(x, limit).v))};
  }
  [[gnu::always_inline]] static Vector flush(Vector x, float smallest) {
    const __m256 magnitude = _mm256_and_ps(x.v, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)));
    return {_mm256_and_ps(x.v, _mm256_cmp_ps(magnitude, _mm256_set1_ps(smallest), _CMP_GE_OQ))};
  }
  [[gnu::always_inline]] static void store_s16(int16_t* p, Vector x, int64_t count) {
    const __m256i q = _mm256_cvtps_epi32(x.v);
    const __m128i packed = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    if (count == kLanes) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
    } else {
      int16_t tail[kLanes];
      _mm_storeu_si128(reinterpret_cast<__m128i*>(tail), packed);
      for (int64_t j = 0; j < count; ++j) p[j] = tail[j];
    }
  }
  [[gnu::always_inline]] friend Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
};

}  // namespace
}  // namespace quantick::kernels
#endif
