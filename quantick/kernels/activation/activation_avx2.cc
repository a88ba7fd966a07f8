#include "quantick/kernels/activation/activation.h"
#include "quantick/kernels/activation/pieces_avx2.h"

namespace quantick::kernels {
namespace {

template <__m256 (*kFunction)(__m256)>
[[gnu::always_inline]] inline void map(const float* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, kFunction(_mm256_loadu_ps(x + i)));
  if (i == n) return;
  float tail[8] = {};
  for (int64_t j = i; j < n; ++j) tail[j - i] = x[j];
  _mm256_storeu_ps(tail, kFunction(_mm256_loadu_ps(tail)));
  for (int64_t j = i; j < n; ++j) y[j] = tail[j - i];
}

}  // namespace

void sigmoid_f32_avx2(const float* x, float* y, int64_t n) { map<sigmoid_avx2>(x, y, n); }
void tanh_f32_avx2(const float* x, float* y, int64_t n) { map<tanh_avx2>(x, y, n); }
void erf_f32_avx2(const float* x, float* y, int64_t n) { map<erf_avx2>(x, y, n); }

}  // namespace quantick::kernels
