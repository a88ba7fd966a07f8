#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/recurrent/recurrent_cell.h"

namespace quantick::kernels {

void hidden_s8_avx2(const int16_t* h, int64_t n, int8_t* out) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    // The saturating sum stops at 32767, whose high byte is the 127 that the minimum asks for.
    const __m256i sum =
        _mm256_adds_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(h + i)), _mm256_set1_epi16(128));
    const __m256i q = _mm256_srai_epi16(sum, 8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm_packs_epi16(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1)));
  }
  for (; i < n; ++i) {
    const int v = (h[i] + 128) >> 8;
    out[i] = static_cast<int8_t>(v < 127 ? v : 127);
  }
}

}  // namespace quantick::kernels
