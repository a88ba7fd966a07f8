#include "quantick/kernels/activation/activation.h"
#include "quantick/kernels/activation/pieces_avx512vnni.h"

namespace quantick::kernels {
namespace {

template <__m512 (*kFunction)(__m512)>
[[gnu::always_inline]] inline void map(const float* x, float* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(y + i, kFunction(_mm512_loadu_ps(x + i)));
  if (i == n) return;
  const __mmask16 tail = static_cast<__mmask16>((1u << (n - i)) - 1);
  _mm512_mask_storeu_ps(y + i, tail, kFunction(_mm512_maskz_loadu_ps(tail, x + i)));
}

}  // namespace

void sigmoid_f32_avx512vnni(const float* x, float* y, int64_t n) { map<sigmoid_avx512>(x, y, n); }
void tanh_f32_avx512vnni(const float* x, float* y, int64_t n) { map<tanh_avx512>(x, y, n); }
void erf_f32_avx512vnni(const float* x, float* y, int64_t n) { map<erf_avx512>(x, y, n); }

}  // namespace quantick::kernels
