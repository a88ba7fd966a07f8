// The float boundary and the residual sum, 8 values at a time; tails go through a padded copy. No std:: templates and
// no lambdas here: they would be compiled for AVX2 (and merged into other files), or miss it.
#include "quantick/kernels/intrinsics.h"
#include "quantick/kernels/quantize/quantize_kernels.h"

namespace quantick::kernels {
namespace {

[[gnu::always_inline]] inline __m256i load(const int8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
[[gnu::always_inline]] inline __m256i load(const int16_t* p) {
  return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
[[gnu::always_inline]] inline __m128i packed16(__m256i v) {
  return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}
[[gnu::always_inline]] inline void store(__m256i v, int8_t* p) {
  const __m128i q = packed16(v);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(q, q));
}
[[gnu::always_inline]] inline void store(__m256i v, int16_t* p) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed16(v));
}

/// max gives its second operand for NaN: the lowest code, as in the oracle.
[[gnu::always_inline]] inline __m256i rounded(__m256 v, ResultRange range) {
  v = _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(range.low)), _mm256_set1_ps(range.high));
  return _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(range.zero));
}

template <class T>
[[gnu::always_inline]] inline void copy(const T* from, int64_t n, T* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

template <class Code>
void quantize(const float* x, int64_t n, float scale, ResultRange range, Code* q) {
  const __m256 divisor = _mm256_set1_ps(scale);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) store(rounded(_mm256_div_ps(_mm256_loadu_ps(x + i), divisor), range), q + i);
  if (i == n) return;
  float in[8] = {};
  Code out[8];
  copy(x + i, n - i, in);
  store(rounded(_mm256_div_ps(_mm256_loadu_ps(in), divisor), range), out);
  copy(out, n - i, q + i);
}

template <class Code>
[[gnu::always_inline]] inline __m256 scaled(const Code* q, float scale, int32_t zero) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(load(q), _mm256_set1_epi32(zero))), _mm256_set1_ps(scale));
}

template <class Code>
void dequantize(const Code* q, int64_t n, float scale, int32_t zero, float* x) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(x + i, scaled(q + i, scale, zero));
  if (i == n) return;
  Code in[8] = {};
  float out[8];
  copy(q + i, n - i, in);
  _mm256_storeu_ps(out, scaled(in, scale, zero));
  copy(out, n - i, x + i);
}

template <class Code>
[[gnu::always_inline]] inline void add8(const Code* a, AddOperand of_a, const Code* b, AddOperand of_b,
                                        ResultRange range, Code* y) {
  const __m256 first = scaled(a, of_a.scale, of_a.zero);
  store(rounded(_mm256_add_ps(first, scaled(b, of_b.scale, of_b.zero)), range), y);
}

template <class Code>
void add(const Code* a, AddOperand of_a, const Code* b, AddOperand of_b, int64_t n, ResultRange range, Code* y) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) add8(a + i, of_a, b + i, of_b, range, y + i);
  if (i == n) return;
  Code first[8] = {}, second[8] = {};
  copy(a + i, n - i, first);
  copy(b + i, n - i, second);
  add8(first, of_a, second, of_b, range, first);
  copy(first, n - i, y + i);
}

}  // namespace

/// max gives its second operand for NaN: the maximum so far.
float max_abs_avx2(const float* x, int64_t n) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256 most = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) most = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(x + i), magnitude), most);
  float last[8] = {};
  copy(x + i, n - i, last);
  most = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(last), magnitude), most);
  _mm256_storeu_ps(last, most);
  float out = 0;
  for (int j = 0; j < 8; ++j)
    if (last[j] > out) out = last[j];
  return out;
}

constinit const QuantizeKernels<int8_t> kQuantizeS8Avx2{quantize<int8_t>, dequantize<int8_t>, add<int8_t>};
constinit const QuantizeKernels<int16_t> kQuantizeS16Avx2{quantize<int16_t>, dequantize<int16_t>, add<int16_t>};

}  // namespace quantick::kernels
