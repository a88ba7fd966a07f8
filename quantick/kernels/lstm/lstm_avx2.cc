// The LSTM cell on 8 units at a time. No std:: templates and no lambdas here: they would be compiled for AVX2 (and
// merged into other files), or miss it.
#include "quantick/kernels/activation/pieces_avx2.h"
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/lstm/lstm_cell.h"

namespace quantick::kernels {
namespace {

[[gnu::always_inline]] inline __m256i round_within(__m256 v, float limit) {
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-limit)), _mm256_set1_ps(limit)));
}

template <bool kNarrow>
[[gnu::always_inline]] inline __m256 narrow(__m256 v, const Narrowing& to) {
  if (!kNarrow || !to.on) return v;
  const __m256i q = round_within(_mm256_mul_ps(v, _mm256_set1_ps(to.up)), to.limit);
  return _mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_set1_ps(to.down));
}

template <bool kNarrow>
void cell_rows(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h) {
  const int64_t units = cell.units;
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (int64_t row = 0; row < n; ++row, px += 4 * units, ph += 4 * units, c += units, h += units)
    for (int64_t u = 0; u < units; u += 8) {
      const int count = units - u < 8 ? static_cast<int>(units - u) : 8;
      const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes);
      __m256 p[4];
#pragma GCC unroll 4
      for (int g = 0; g < 4; ++g)
        p[g] =
            _mm256_add_ps(_mm256_maskload_ps(px + g * units + u, mask), _mm256_maskload_ps(ph + g * units + u, mask));
      const __m256 i = narrow<kNarrow>(sigmoid_avx2(p[0]), cell.gates[0]);
      const __m256 f = narrow<kNarrow>(sigmoid_avx2(p[1]), cell.gates[1]);
      const __m256 g = narrow<kNarrow>(tanh_avx2(p[2]), cell.gates[2]);
      const __m256 o = narrow<kNarrow>(sigmoid_avx2(p[3]), cell.gates[3]);
      const __m256 kept = _mm256_mul_ps(f, _mm256_maskload_ps(c + u, mask));
      const __m256 sum = narrow<kNarrow>(_mm256_add_ps(kept, _mm256_mul_ps(i, g)), cell.state);
      const __m256 alive = _mm256_cmp_ps(_mm256_and_ps(sum, magnitude), _mm256_set1_ps(kSmallestState), _CMP_GE_OQ);
      const __m256 state = _mm256_and_ps(sum, alive);
      const __m256 hidden = _mm256_mul_ps(_mm256_mul_ps(o, tanh_avx2(state)), _mm256_set1_ps(kHiddenScale));
      _mm256_maskstore_ps(c + u, mask, state);
      const __m256i q = round_within(hidden, kHiddenLimit);
      const __m128i narrowed = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
      if (count == 8) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(h + u), narrowed);
      } else {
        int16_t tail[8];
        _mm_storeu_si128(reinterpret_cast<__m128i*>(tail), narrowed);
        for (int j = 0; j < count; ++j) h[u + j] = tail[j];
      }
    }
}

}  // namespace

void lstm_cell_avx2(const LstmCell& cell, const float* px, const float* ph, int64_t n, float* c, int16_t* h) {
  if (cell.narrow)
    cell_rows<true>(cell, px, ph, n, c, h);
  else
    cell_rows<false>(cell, px, ph, n, c, h);
}

}  // namespace quantick::kernels
