#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/recurrent/recurrent_cell.h"

namespace quantick::kernels {

void hidden_s8_avx512vnni(const int16_t* h, int64_t n, int8_t* out) {
  for (int64_t i = 0; i < n; i += 32) {
    const int64_t left = n - i;
    const __mmask32 mask = left >= 32 ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
    // The saturating sum stops at 32767, whose high byte is the 127 that the minimum asks for.
    const __m512i sum = _mm512_adds_epi16(_mm512_maskz_loadu_epi16(mask, h + i), _mm512_set1_epi16(128));
    _mm512_mask_cvtepi16_storeu_epi8(out + i, mask, _mm512_srai_epi16(sum, 8));
  }
}

}  // namespace quantick::kernels
