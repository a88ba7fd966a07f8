// The float boundary and the residual sum, 16 values at a time. No std:: templates and no lambdas here: they would be
// compiled for AVX-512 (and merged into other files), or miss it.
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/quantize/quantize_kernels.h"

namespace quantick::kernels {
namespace {

[[gnu::always_inline]] inline __mmask16 lanes(int64_t left) {
  return left >= 16 ? __mmask16{0xffff} : static_cast<__mmask16>((1u << left) - 1);
}

[[gnu::always_inline]] inline __m512i load(__mmask16 mask, const int8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, p));
}
[[gnu::always_inline]] inline __m512i load(__mmask16 mask, const int16_t* p) {
  return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, p));
}
[[gnu::always_inline]] inline void store(__mmask16 mask, __m512i v, int8_t* p) {
  _mm512_mask_cvtepi32_storeu_epi8(p, mask, v);
}
[[gnu::always_inline]] inline void store(__mmask16 mask, __m512i v, int16_t* p) {
  _mm512_mask_cvtepi32_storeu_epi16(p, mask, v);
}

/// max gives its second operand for NaN: the lowest code, as in the oracle.
[[gnu::always_inline]] inline __m512i rounded(__m512 v, ResultRange range) {
  v = _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(range.low)), _mm512_set1_ps(range.high));
  return _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(range.zero));
}

template <class Code>
void quantize(const float* x, int64_t n, float scale, ResultRange range, Code* q) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = lanes(n - i);
    store(mask, rounded(_mm512_div_ps(_mm512_maskz_loadu_ps(mask, x + i), _mm512_set1_ps(scale)), range), q + i);
  }
}

template <class Code>
[[gnu::always_inline]] inline __m512 scaled(__mmask16 mask, const Code* q, float scale, int32_t zero) {
  const __m512i centred = _mm512_sub_epi32(load(mask, q), _mm512_set1_epi32(zero));
  return _mm512_mul_ps(_mm512_cvtepi32_ps(centred), _mm512_set1_ps(scale));
}

template <class Code>
void dequantize(const Code* q, int64_t n, float scale, int32_t zero, float* x) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = lanes(n - i);
    _mm512_mask_storeu_ps(x + i, mask, scaled(mask, q + i, scale, zero));
  }
}

template <class Code>
void add(const Code* a, AddOperand of_a, const Code* b, AddOperand of_b, int64_t n, ResultRange range, Code* y) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = lanes(n - i);
    const __m512 first = scaled(mask, a + i, of_a.scale, of_a.zero);
    const __m512 second = scaled(mask, b + i, of_b.scale, of_b.zero);
    store(mask, rounded(_mm512_add_ps(first, second), range), y + i);
  }
}

}  // namespace

/// max gives its second operand for NaN: the maximum so far.
float max_abs_avx512vnni(const float* x, int64_t n) {
  __m512 most = _mm512_setzero_ps();
  for (int64_t i = 0; i < n; i += 16)
    most = _mm512_max_ps(_mm512_abs_ps(_mm512_maskz_loadu_ps(lanes(n - i), x + i)), most);
  return _mm512_reduce_max_ps(most);
}

constinit const QuantizeKernels<int8_t> kQuantizeS8Avx512vnni{quantize<int8_t>, dequantize<int8_t>, add<int8_t>};
constinit const QuantizeKernels<int16_t> kQuantizeS16Avx512vnni{quantize<int16_t>, dequantize<int16_t>, add<int16_t>};

}  // namespace quantick::kernels
