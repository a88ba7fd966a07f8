#pragma once
// The activation functions on 16 floats: a coefficient is one two-register permute. For files compiled for AVX-512
// only.
#if defined(__AVX512F__)
#include "quantick/kernels/activation/coefficients.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {

/// |x| in pieces of width 2^-kShift.
template <int kShift>
[[gnu::always_inline]] static inline __m512 piece_value_avx512(const PieceTable& table, __m512 x) {
  // min returns its second operand for NaN: a stays in range, and the callers put NaN back.
  const __m512 a = _mm512_min_ps(_mm512_abs_ps(x), _mm512_set1_ps(table.limit));
  // Added to 2^(23 - kShift), whose unit in the last place is a piece's width, and rounded to zero: the low bits of the
  // sum are the piece's number, and the permutes read no others. The remainder is exact.
  const __m512 shifter = _mm512_set1_ps(static_cast<float>(1 << (23 - kShift)));
  const __m512i k = _mm512_castps_si512(_mm512_add_round_ps(a, shifter, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
  const __m512 t = _mm512_reduce_ps(a, kShift << 4 | _MM_FROUND_TO_ZERO);
  const __m512* rows = reinterpret_cast<const __m512*>(table.bits);
  __m512 y = _mm512_permutex2var_ps(rows[8], k, rows[9]);
  y = _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[6], k, rows[7]));
  y = _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[4], k, rows[5]));
  y = _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[2], k, rows[3]));
  return _mm512_add_ps(_mm512_mul_ps(y, t), _mm512_permutex2var_ps(rows[0], k, rows[1]));
}

/// y with the sign of x.
[[gnu::always_inline]] static inline __m512 with_sign_avx512(__m512 y, __m512 x) {
  const __m512i sign = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  // y | (x & sign), y being 0 or more
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(y), _mm512_castps_si512(x), sign, 0xf8));
}

/// x is not NaN.
[[gnu::always_inline]] static inline __m512 sigmoid_of_number_avx512(__m512 x) {
  const __m512 y = piece_value_avx512<1>(kSigmoidPieces, x);
  // The sign bit serves for x < 0: at -0 both are 1/2.
  return _mm512_mask_sub_ps(y, _mm512_movepi32_mask(_mm512_castps_si512(x)), _mm512_set1_ps(1.0f), y);
}

/// x is not NaN.
[[gnu::always_inline]] static inline __m512 tanh_of_number_avx512(__m512 x) {
  return with_sign_avx512(piece_value_avx512<2>(kTanhPieces, x), x);
}

[[gnu::always_inline]] static inline __m512 keep_nan_avx512(__m512 x, __m512 y) {
  const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000));
  return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), nan);
}

[[gnu::always_inline]] static inline __m512 sigmoid_avx512(__m512 x) {
  return keep_nan_avx512(x, sigmoid_of_number_avx512(x));
}

[[gnu::always_inline]] static inline __m512 tanh_avx512(__m512 x) {
  return keep_nan_avx512(x, tanh_of_number_avx512(x));
}

[[gnu::always_inline]] static inline __m512 erf_avx512(__m512 x) {
  return keep_nan_avx512(x, with_sign_avx512(piece_value_avx512<3>(kErfPieces, x), x));
}

}  // namespace quantick::kernels
#endif
