#pragma once
// The activation functions on 8 floats; coefficients are gathered. For files compiled for AVX2 only.
#if defined(__AVX2__)
#include "quantick/kernels/activation/coefficients.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {

[[gnu::always_inline]] static inline __m256 piece_value_avx2(const PieceTable& table, __m256 x) {
  const __m256 sign = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0x80000000u)));
  // min returns its second operand for NaN: a stays in range, and the callers put NaN back.
  const __m256 a = _mm256_min_ps(_mm256_andnot_ps(sign, x), _mm256_set1_ps(table.limit));
  const __m256i k = _mm256_cvttps_epi32(_mm256_mul_ps(a, _mm256_set1_ps(table.inverse_width)));
  const __m256 t = _mm256_sub_ps(a, _mm256_mul_ps(_mm256_cvtepi32_ps(k), _mm256_set1_ps(table.width)));
  const float* rows = reinterpret_cast<const float*>(table.bits);
  __m256 y = _mm256_i32gather_ps(rows + (kPieceTerms - 1) * kPieces, k, 4);
  for (int j = kPieceTerms - 2; j >= 0; --j)
    y = _mm256_add_ps(_mm256_mul_ps(y, t), _mm256_i32gather_ps(rows + j * kPieces, k, 4));
  return y;
}

/// x is not NaN.
[[gnu::always_inline]] static inline __m256 sigmoid_of_number_avx2(__m256 x) {
  const __m256 y = piece_value_avx2(kSigmoidPieces, x);
  // The sign bit serves for x < 0: at -0 both are 1/2.
  return _mm256_blendv_ps(y, _mm256_sub_ps(_mm256_set1_ps(1.0f), y), x);
}

/// x is not NaN.
[[gnu::always_inline]] static inline __m256 tanh_of_number_avx2(__m256 x) {
  const __m256 sign = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0x80000000u)));
  return _mm256_or_ps(piece_value_avx2(kTanhPieces, x), _mm256_and_ps(x, sign));
}

[[gnu::always_inline]] static inline __m256 keep_nan_avx2(__m256 x, __m256 y) {
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  return _mm256_blendv_ps(y, nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

[[gnu::always_inline]] static inline __m256 sigmoid_avx2(__m256 x) {
  return keep_nan_avx2(x, sigmoid_of_number_avx2(x));
}

[[gnu::always_inline]] static inline __m256 tanh_avx2(__m256 x) { return keep_nan_avx2(x, tanh_of_number_avx2(x)); }

[[gnu::always_inline]] static inline __m256 erf_avx2(__m256 x) {
  const __m256 sign = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0x80000000u)));
  return keep_nan_avx2(x, _mm256_or_ps(piece_value_avx2(kErfPieces, x), _mm256_and_ps(x, sign)));
}

}  // namespace quantick::kernels
#endif
