#pragma once
// The activation functions on 16 floats: a coefficient is one two-register permute. For files compiled for AVX-512
// only.
#if defined(__AVX512F__)
#include "quantick/kernels/activation/coefficients.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {

[[gnu::always_inline]] static inline __m512 piece_value_avx512(const PieceTable& table, __m512 x) {
  // min returns its second operand for NaN: a stays in range, and the callers put NaN back.
  const __m512 a = _mm512_min_ps(_mm512_abs_ps(x), _mm512_set1_ps(table.limit));
  const __m512i k = _mm512_cvttps_epi32(_mm512_mul_ps(a, _mm512_set1_ps(table.inverse_width)));
  const __m512 t = _mm512_sub_ps(a, _mm512_mul_ps(_mm512_cvtepi32_ps(k), _mm512_set1_ps(table.width)));
  const __m512* rows = reinterpret_cast<const __m512*>(table.bits);
  __m512 y = _mm512_permutex2var_ps(rows[8], k, rows[9]);
  y = _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[6], k, rows[7]));
  y = _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[4], k, rows[5]));
  y = _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[2], k, rows[3]));
  return _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[0], k, rows[1]));
}

[[gnu::always_inline]] static inline __m512 keep_nan_avx512(__m512 x, __m512 y) {
  const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000));
  return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), nan);
}

[[gnu::always_inline]] static inline __m512 sigmoid_avx512(__m512 x) {
  const __m512 y = piece_value_avx512(kSigmoidPieces, x);
  const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return keep_nan_avx512(x, _mm512_mask_sub_ps(y, negative, _mm512_set1_ps(1.0f), y));
}

[[gnu::always_inline]] static inline __m512 tanh_avx512(__m512 x) {
  const __m512 sign = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(0x80000000u)));
  const __m512 y = _mm512_or_ps(piece_value_avx512(kTanhPieces, x), _mm512_and_ps(x, sign));
  return keep_nan_avx512(x, y);
}

[[gnu::always_inline]] static inline __m512 erf_avx512(__m512 x) {
  const __m512 sign = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(0x80000000u)));
  const __m512 y = _mm512_or_ps(piece_value_avx512(kErfPieces, x), _mm512_and_ps(x, sign));
  return keep_nan_avx512(x, y);
}

}  // namespace quantick::kernels
#endif
