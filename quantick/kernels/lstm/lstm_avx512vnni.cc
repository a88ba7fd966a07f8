// The LSTM cell on 16 units at a time. No std:: templates and no lambdas here: they would be compiled for AVX-512 (and
// merged into other files), or miss it.
#include "quantick/kernels/activation/pieces_avx512vnni.h"
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/lstm/lstm_cell.h"

namespace quantick::kernels {
namespace {

[[gnu::always_inline]] inline __m512i round_within(__m512 v, float limit) {
  return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(-limit)), _mm512_set1_ps(limit)));
}

template <bool kNarrow>
[[gnu::always_inline]] inline __m512 narrow(__m512 v, const Narrowing& to) {
  if (!kNarrow || !to.on) return v;
  const __m512i q = round_within(_mm512_mul_ps(v, _mm512_set1_ps(to.up)), to.limit);
  return _mm512_mul_ps(_mm512_cvtepi32_ps(q), _mm512_set1_ps(to.down));
}

template <bool kNarrow>
void cell_rows(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h) {
  const int64_t units = cell.units;
  const __m512 smallest = _mm512_set1_ps(kSmallestState);
  for (int64_t row = 0; row < n; ++row, px += 4 * units, ph += 4 * units, c += units, h += units)
    for (int64_t u = 0; u < units; u += 16) {
      const int64_t left = units - u;
      const __mmask16 mask = left >= 16 ? __mmask16{0xffff} : static_cast<__mmask16>((1u << left) - 1);
      __m512 p[4];
#pragma GCC unroll 4
      for (int g = 0; g < 4; ++g)
        p[g] = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, px + g * units + u),
                             _mm512_maskz_loadu_ps(mask, ph + g * units + u));
      const __m512 i = narrow<kNarrow>(sigmoid_avx512(p[0]), cell.gates[0]);
      const __m512 f = narrow<kNarrow>(sigmoid_avx512(p[1]), cell.gates[1]);
      const __m512 g = narrow<kNarrow>(tanh_avx512(p[2]), cell.gates[2]);
      const __m512 o = narrow<kNarrow>(sigmoid_avx512(p[3]), cell.gates[3]);
      const __m512 kept = _mm512_mul_ps(f, _mm512_maskz_loadu_ps(mask, c + u));
      const __m512 sum = narrow<kNarrow>(_mm512_add_ps(kept, _mm512_mul_ps(i, g)), cell.state);
      const __m512 state = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_abs_ps(sum), smallest, _CMP_GE_OQ), sum);
      const __m512 hidden = _mm512_mul_ps(_mm512_mul_ps(o, tanh_avx512(state)), _mm512_set1_ps(kHiddenScale));
      _mm512_mask_storeu_ps(c + u, mask, state);
      _mm512_mask_cvtepi32_storeu_epi16(h + u, mask, round_within(hidden, kHiddenLimit));
    }
}

}  // namespace

void lstm_cell_avx512vnni(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h) {
  if (cell.narrow)
    cell_rows<true>(cell, px, ph, n, c, h);
  else
    cell_rows<false>(cell, px, ph, n, c, h);
}

}  // namespace quantick::kernels
