// Dense by vpdpbusd: unsigned bytes of x against signed weights, 16 rows per vector, 4 columns per step. 16-bit x is
// two byte planes that share each load of weights. No std:: templates and no lambdas here: they would be compiled for
// AVX-512 (and merged into other files), or miss it.
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

constexpr int64_t kLanes = kPackingAvx512vnni.lanes;
constexpr int64_t kStepBytes = 64;  // of one row block

/// x of one sample as unsigned planes: x + 128; or for 16 bits hi + 128, then lo. `width` is the plane's padded length.
void convert(const DensePlan& p, const void* x, int64_t width, uint8_t* out) {
  int64_t k = 0;
  if (p.x_bits == 8) {
    const int8_t* in = static_cast<const int8_t*>(x);
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
    for (; k < p.cols; k += 64) {
      const int64_t left = p.cols - k;
      const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
      const __m512i v = _mm512_maskz_loadu_epi8(mask, in + k);
      _mm512_mask_storeu_epi8(out + k, mask, _mm512_xor_si512(v, flip));
    }
  } else {
    const int16_t* in = static_cast<const int16_t*>(x);
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80));
    for (; k < p.cols; k += 32) {
      const int64_t left = p.cols - k;
      const __mmask32 mask = left >= 32 ? ~__mmask32{0} : (__mmask32{1} << left) - 1;
      const __m512i v = _mm512_maskz_loadu_epi16(mask, in + k);
      const __m256i high = _mm256_xor_si256(_mm512_cvtepi16_epi8(_mm512_srai_epi16(v, 8)), flip);
      _mm256_mask_storeu_epi8(out + k, mask, high);
      _mm256_mask_storeu_epi8(out + width + k, mask, _mm512_cvtepi16_epi8(v));
    }
  }
  for (k = p.cols; k < p.steps * 4; ++k) {  // the weights there are 0; the bytes must only be defined
    out[k] = 0;
    if (p.x_bits == 16) out[width + k] = 0;
  }
}

/// hi * 256 + lo + bias of 8 lanes in 64 bits, to float32 with one rounding.
[[gnu::always_inline]] inline __m256 joined(__m256i high, __m256i low, const int64_t* bias) {
  const __m512i sum = _mm512_add_epi64(_mm512_slli_epi64(_mm512_cvtepi32_epi64(high), 8), _mm512_cvtepi32_epi64(low));
  return _mm512_cvtepi64_ps(_mm512_add_epi64(sum, _mm512_loadu_si512(bias)));
}

/// From sums to results: 16 rows of one sample. `high` is zero for 8-bit x.
[[gnu::noinline]] void finish(const DensePlan& p, int64_t row, __m512i high, __m512i low, int64_t sample,
                              const int32_t* before, void* y) {
  const int64_t left = p.rows - row, at = sample * p.rows + row;
  const __mmask16 mask = left >= kLanes ? __mmask16{0xffff} : static_cast<__mmask16>((1u << left) - 1);
  __m512 v;
  if (p.wide) {
    const __m256 first = joined(_mm512_castsi512_si256(high), _mm512_castsi512_si256(low), p.bias + row);
    const __m256 second =
        joined(_mm512_extracti64x4_epi64(high, 1), _mm512_extracti64x4_epi64(low, 1), p.bias + row + 8);
    v = _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
  } else {
    __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
    if (before) sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(mask, before + at));
    if (p.raw) {
      _mm512_mask_storeu_epi32(static_cast<int32_t*>(y) + at, mask, sum);
      return;
    }
    v = _mm512_cvtepi32_ps(sum);
  }
  v = _mm512_mul_ps(v, _mm512_loadu_ps(p.scale + row));
  if (p.y_bits == 32) {
    _mm512_mask_storeu_ps(static_cast<float*>(y) + at, mask, v);
    return;
  }
  v = _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(p.low)), _mm512_set1_ps(p.high));
  const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(p.zero));
  if (p.y_bits == 16)
    _mm512_mask_cvtepi32_storeu_epi16(static_cast<int16_t*>(y) + at, mask, q);
  else
    _mm512_mask_cvtepi32_storeu_epi8(static_cast<int8_t*>(y) + at, mask, q);
}

[[gnu::always_inline]] inline __m512i broadcast4(const uint8_t* x) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  return _mm512_set1_epi32(four);
}

/// N samples times R row blocks with P planes; at most 16 accumulators, or g++ spills them.
template <int P, int R, int N>
void tile(const DensePlan& p, int64_t block, const uint8_t* x, int64_t width, int64_t sample, const int32_t* before,
          void* y) {
  __m512i sum[P][N][R];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      sum[P - 1][n][r] = _mm512_loadu_si512(p.start + (block + r) * kLanes);
      if (P == 2) sum[0][n][r] = _mm512_loadu_si512(p.start_high + (block + r) * kLanes);
    }
  const int8_t* w = p.weights + block * kStepBytes * p.steps;
  for (int64_t k = 0; k < p.steps; ++k, w += R * kStepBytes, x += 4) {
    __m512i weights[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) weights[r] = _mm512_load_si512(w + r * kStepBytes);
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
      for (int plane = 0; plane < P; ++plane) {
        const __m512i input = broadcast4(x + (n * P + plane) * width);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum[plane][n][r] = _mm512_dpbusd_epi32(sum[plane][n][r], input, weights[r]);
      }
  }
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
      finish(p, (block + r) * kLanes, P == 2 ? sum[0][n][r] : _mm512_setzero_si512(), sum[P - 1][n][r], sample + n,
             before, y);
}

template <int P, int R>
void group(const DensePlan& p, int64_t block, const uint8_t* x, int64_t width, int64_t sample, int64_t n,
           const int32_t* before, void* y) {
  constexpr int kSamples = P == 2 ? 2 : 4;
  int64_t i = 0;
  for (; i + kSamples <= n; i += kSamples)
    tile<P, R, kSamples>(p, block, x + i * P * width, width, sample + i, before, y);
  for (; i < n; ++i) tile<P, R, 1>(p, block, x + i * P * width, width, sample + i, before, y);
}

template <int P>
void groups(const DensePlan& p, const uint8_t* x, int64_t width, int64_t sample, int64_t n, const int32_t* before,
            void* y) {
  for (int64_t block = 0; block < p.blocks; block += kDenseGroup) switch (p.blocks - block) {
      case 1:
        group<P, 1>(p, block, x, width, sample, n, before, y);
        break;
      case 2:
        group<P, 2>(p, block, x, width, sample, n, before, y);
        break;
      case 3:
        group<P, 3>(p, block, x, width, sample, n, before, y);
        break;
      default:
        group<P, 4>(p, block, x, width, sample, n, before, y);
    }
}

}  // namespace

void dense_s8_avx512vnni(const DensePlan& p, const int32_t* before, const void* x, int64_t n, void* y, void* scratch) {
  uint8_t* planes = static_cast<uint8_t*>(scratch);
  const int64_t width = p.steps * 4, count = p.x_bits == 16 ? 2 : 1;
  const int64_t sample_bytes = p.cols * p.x_bits / 8;
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = n - first < kDenseBlock ? n - first : kDenseBlock;
    for (int64_t i = 0; i < here; ++i)
      convert(p, static_cast<const char*>(x) + (first + i) * sample_bytes, width, planes + i * count * width);
    if (count == 2)
      groups<2>(p, planes, width, first, here, before, y);
    else
      groups<1>(p, planes, width, first, here, before, y);
  }
}

}  // namespace quantick::kernels
