// Two vectors hold the 16 lanes. No std:: templates and no lambdas here: they would be compiled for AVX2 (and merged
// into other files), or miss it.
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/layer_norm/layer_norm.h"

namespace quantick::kernels {
namespace {

[[gnu::always_inline]] inline __m256i lanes(int64_t left) {
  const int count = left >= 8 ? 8 : left > 0 ? static_cast<int>(left) : 0;
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// 16 lanes by halves: 8, 4, 2, 1.
[[gnu::always_inline]] inline float fold(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace

RowMoments layer_norm_row_f32_avx2(const float* x, int64_t n, const float* gamma, const float* beta, float epsilon,
                                   float* y) {
  const float count = static_cast<float>(n);
  // Lanes start at +0 and so never hold -0: adding +0 in a tail changes nothing.
  __m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t k = 0; k < n; k += 8) {
    __m256& half = sum[k / 8 % 2];
    half = _mm256_add_ps(half, _mm256_maskload_ps(x + k, lanes(n - k)));
  }
  const float mean = fold(sum[0], sum[1]) / count;
  const __m256 centre = _mm256_set1_ps(mean);
  __m256 squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t k = 0; k < n; k += 8) {
    const __m256i mask = lanes(n - k);
    const __m256 all = _mm256_sub_ps(_mm256_maskload_ps(x + k, mask), centre);
    const __m256 d = _mm256_and_ps(all, _mm256_castsi256_ps(mask));
    __m256& half = squares[k / 8 % 2];
    half = _mm256_add_ps(half, _mm256_mul_ps(d, d));
  }
  const float variance = fold(squares[0], squares[1]) / count;
  const float rstd = 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(variance + epsilon)));
  const __m256 factor = _mm256_set1_ps(rstd);
  for (int64_t k = 0; k < n; k += 8) {
    const __m256i mask = lanes(n - k);
    const __m256 d = _mm256_mul_ps(_mm256_sub_ps(_mm256_maskload_ps(x + k, mask), centre), factor);
    const __m256 scaled = _mm256_mul_ps(d, _mm256_maskload_ps(gamma + k, mask));
    _mm256_maskstore_ps(y + k, mask, _mm256_add_ps(scaled, _mm256_maskload_ps(beta + k, mask)));
  }
  return {mean, rstd};
}

}  // namespace quantick::kernels
