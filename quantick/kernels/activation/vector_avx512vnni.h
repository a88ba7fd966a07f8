#pragma once
// 16 floats as a vector of the cells' templates (vector_scalar.h says what its members do). For files compiled for
// AVX-512 only.
#if defined(__AVX512F__)
#include "quantick/kernels/activation/pieces_avx512vnni.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int64_t kLanes = 16;
  __m512 v;
  [[gnu::always_inline]] static __mmask16 mask(int64_t count) {
    return static_cast<__mmask16>((uint32_t{1} << count) - 1);
  }
  [[gnu::always_inline]] static Vector load(const float* p, int64_t count) {
    return {count == kLanes ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(mask(count), p)};
  }
  [[gnu::always_inline]] static void store(float* p, Vector x, int64_t count) {
    if (count == kLanes)
      _mm512_storeu_ps(p, x.v);
    else
      _mm512_mask_storeu_ps(p, mask(count), x.v);
  }
  /// Has x in a register at this place.
  [[gnu::always_inline]] static void keep(Vector& x) { asm("" : "+v"(x.v)); }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm512_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector sigmoid(Vector x) { return {sigmoid_avx512(x.v)}; }
  [[gnu::always_inline]] static Vector tanh(Vector x) { return {tanh_avx512(x.v)}; }
  [[gnu::always_inline]] static Vector sigmoid_of_number(Vector x) { return {sigmoid_of_number_avx512(x.v)}; }
  [[gnu::always_inline]] static Vector tanh_of_number(Vector x) { return {tanh_of_number_avx512(x.v)}; }
  [[gnu::always_inline]] static Vector within(Vector x, float limit) {
    return {_mm512_min_ps(_mm512_max_ps(x.v, _mm512_set1_ps(-limit)), _mm512_set1_ps(limit))};
  }
  [[gnu::always_inline]] static Vector round_within(Vector x, float limit) {
    return {_mm512_cvtepi32_ps(_mm512_cvtps_epi32(within(x, limit).v))};
  }
  [[gnu::always_inline]] static Vector flush(Vector x, float smallest) {
    const __mmask16 kept = _mm512_cmp_ps_mask(_mm512_abs_ps(x.v), _mm512_set1_ps(smallest), _CMP_GE_OQ);
    return {_mm512_maskz_mov_ps(kept, x.v)};
  }
  [[gnu::always_inline]] static void store_s16(int16_t* p, Vector x, int64_t count) {
    _mm512_mask_cvtepi32_storeu_epi16(p, mask(count), _mm512_cvtps_epi32(x.v));
  }
  [[gnu::always_inline]] friend Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
};

}  // namespace
}  // namespace quantick::kernels
#endif
