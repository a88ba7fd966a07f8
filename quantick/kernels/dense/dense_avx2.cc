// Dense by pmaddwd: weights widened to 16 bits, 8 rows per vector, 2 columns per step. pmaddwd is exact here (no
// operand pair reaches its one overflow), unlike the saturating byte products of AVX2. 16-bit x goes in whole where
// int32 holds the sum, else as two byte planes. No std:: templates and no lambdas here: they would be compiled for
// AVX2, or miss it.
#include "quantick/kernels/dense/dense_finish_avx2.h"
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

constexpr int64_t kStepBytes = 16;  // of one row block

/// x of one sample as int16: whole, or (planes) hi in [-128, 127], then lo in [0, 255].
void convert(const DensePlan& p, const void* x, bool planes, int64_t width, int16_t* out) {
  int64_t k = 0;
  if (p.x_bits == 8) {
    const int8_t* in = static_cast<const int8_t*>(x);
    for (; k + 16 <= p.cols; k += 16)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k),
                          _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + k))));
    for (; k < p.cols; ++k) out[k] = in[k];
  } else {
    const int16_t* in = static_cast<const int16_t*>(x);
    if (planes)
      for (; k < p.cols; ++k) {
        out[k] = static_cast<int16_t>(in[k] >> 8);
        out[width + k] = static_cast<int16_t>(in[k] & 255);
      }
    else
      __builtin_memcpy(out, in, static_cast<size_t>(p.cols) * 2), k = p.cols;
  }
  for (; k < width; ++k) {  // the weight there is 0; the value must only be defined
    out[k] = 0;
    if (planes) out[width + k] = 0;
  }
}

[[gnu::always_inline]] inline __m256i broadcast2(const int16_t* x) {
  int32_t two;
  __builtin_memcpy(&two, x, 4);
  return _mm256_set1_epi32(two);
}

/// N samples times R row blocks with P planes; at most 8 accumulators of the 16 registers. Where that makes few chains
/// of sums, K steps at once have their own.
template <int P, int R, int N>
void tile(const DensePlan& p, int64_t block, const int16_t* x, int64_t width, int64_t sample, const DenseCall& c) {
  constexpr int K = P * R * N >= 4 ? 1 : P * R * N >= 2 ? 2 : 4;
  __m256i sum[K][P][N][R];
#pragma GCC unroll 4
  for (int j = 0; j < K; ++j)
#pragma GCC unroll 2
    for (int plane = 0; plane < P; ++plane)
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum[j][plane][n][r] = _mm256_setzero_si256();
  const int8_t* w = p.weights + block * kStepBytes * p.steps;
  int64_t k = 0;
  for (; k + K <= p.steps; k += K, w += K * R * kStepBytes, x += K * 2)
#pragma GCC unroll 4
    for (int j = 0; j < K; ++j) {
      __m256i weights[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
        weights[r] =
            _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(w + (j * R + r) * kStepBytes)));
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (int plane = 0; plane < P; ++plane) {
          const __m256i input = broadcast2(x + j * 2 + (n * P + plane) * width);
#pragma GCC unroll 4
          for (int r = 0; r < R; ++r)
            sum[j][plane][n][r] = _mm256_add_epi32(sum[j][plane][n][r], _mm256_madd_epi16(input, weights[r]));
        }
    }
  for (; k < p.steps; ++k, w += R * kStepBytes, x += 2)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m256i weights =
          _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(w + r * kStepBytes)));
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (int plane = 0; plane < P; ++plane)
          sum[0][plane][n][r] = _mm256_add_epi32(sum[0][plane][n][r],
                                                 _mm256_madd_epi16(broadcast2(x + (n * P + plane) * width), weights));
    }
  __m256i sums[P * N * R];
#pragma GCC unroll 2
  for (int plane = 0; plane < P; ++plane)
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n)
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        __m256i all = sum[0][plane][n][r];
#pragma GCC unroll 4
        for (int j = 1; j < K; ++j) all = _mm256_add_epi32(all, sum[j][plane][n][r]);
        sums[(plane * N + n) * R + r] = all;
      }
  finish(p, sums, P, N, R, block, sample, c);
}

template <int P, int R>
void group(const DensePlan& p, int64_t block, const int16_t* x, int64_t width, int64_t sample, int64_t n,
           const DenseCall& c) {
  constexpr int kSamples = P == 2 ? 1 : 2;
  int64_t i = 0;
  for (; i + kSamples <= n; i += kSamples) tile<P, R, kSamples>(p, block, x + i * P * width, width, sample + i, c);
  for (; i < n; ++i) tile<P, R, 1>(p, block, x + i * P * width, width, sample + i, c);
}

template <int P>
void groups(const DensePlan& p, const int16_t* x, int64_t width, int64_t sample, int64_t n, const DenseCall& c) {
  for (int64_t block = 0; block < p.blocks; block += kDenseGroup) switch (p.blocks - block) {
      case 1:
        group<P, 1>(p, block, x, width, sample, n, c);
        break;
      case 2:
        group<P, 2>(p, block, x, width, sample, n, c);
        break;
      case 3:
        group<P, 3>(p, block, x, width, sample, n, c);
        break;
      default:
        group<P, 4>(p, block, x, width, sample, n, c);
    }
}

}  // namespace

void dense_s8_avx2(const DensePlan& p, const DenseCall& c) {
  int16_t* converted = static_cast<int16_t*>(c.scratch);
  const bool planes = p.wide && p.x_bits == 16;
  const int64_t width = p.steps * 2, count = planes ? 2 : 1;
  for (int64_t first = 0; first < c.n; first += kDenseBlock) {
    const int64_t here = c.n - first < kDenseBlock ? c.n - first : kDenseBlock;
    for (int64_t i = 0; i < here; ++i)
      convert(p, static_cast<const char*>(c.x) + (first + i) * c.x_stride, planes, width,
              converted + i * count * width);
    if (planes)
      groups<2>(p, converted, width, first, here, c);
    else
      groups<1>(p, converted, width, first, here, c);
  }
}

}  // namespace quantick::kernels
