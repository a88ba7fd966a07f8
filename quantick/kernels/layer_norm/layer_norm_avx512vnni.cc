// No std:: templates and no lambdas here: they would be compiled for AVX-512 (and merged into other files), or miss it.
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/layer_norm/layer_norm.h"

namespace quantick::kernels {
namespace {

[[gnu::always_inline]] inline __mmask16 lanes(int64_t left) {
  return left >= 16 ? __mmask16{0xffff} : static_cast<__mmask16>((1u << left) - 1);
}

/// 16 lanes by halves: 8, 4, 2, 1.
[[gnu::always_inline]] inline float fold(__m512 v) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace

RowMoments layer_norm_row_f32_avx512vnni(const float* x, int64_t n, const float* gamma, const float* beta,
                                         float epsilon, float* y) {
  const float count = static_cast<float>(n);
  __m512 sum = _mm512_setzero_ps();  // lanes start at +0 and so never hold -0: adding +0 in a tail changes nothing
  for (int64_t k = 0; k < n; k += 16) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(lanes(n - k), x + k));
  const float mean = fold(sum) / count;
  const __m512 centre = _mm512_set1_ps(mean);
  __m512 squares = _mm512_setzero_ps();
  for (int64_t k = 0; k < n; k += 16) {
    const __mmask16 mask = lanes(n - k);
    const __m512 d = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + k), centre);
    squares = _mm512_add_ps(squares, _mm512_mul_ps(d, d));
  }
  const float variance = fold(squares) / count;
  const float rstd = 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(variance + epsilon)));
  const __m512 factor = _mm512_set1_ps(rstd);
  for (int64_t k = 0; k < n; k += 16) {
    const __mmask16 mask = lanes(n - k);
    const __m512 d = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + k), centre), factor);
    const __m512 scaled = _mm512_mul_ps(d, _mm512_maskz_loadu_ps(mask, gamma + k));
    _mm512_mask_storeu_ps(y + k, mask, _mm512_add_ps(scaled, _mm512_maskz_loadu_ps(mask, beta + k)));
  }
  return {mean, rstd};
}

}  // namespace quantick::kernels
