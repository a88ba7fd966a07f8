// Dense by the vpdpbusd of AVX-VNNI: unsigned bytes of x against signed weights, 8 rows per vector, 4 columns per step.
// 16-bit x is two byte planes that share each load of weights. No std:: templates and no lambdas here: they would be
// compiled for AVX2, or miss it.
#include "quantick/kernels/dense/dense_finish_avx2.h"
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

constexpr int64_t kStepBytes = 32;  // of one row block

/// x of one sample as unsigned planes: x + 128; or for 16 bits hi + 128, then lo. `width` is the plane's padded length.
void convert(const DensePlan& p, const void* x, int64_t width, uint8_t* out) {
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80));
  int64_t k = 0;
  if (p.x_bits == 8) {
    const int8_t* in = static_cast<const int8_t*>(x);
    for (; k + 32 <= p.cols; k += 32)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k),
                          _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k)), flip));
    for (; k < p.cols; ++k) out[k] = static_cast<uint8_t>(in[k] + 128);
  } else {
    const int16_t* in = static_cast<const int16_t*>(x);
    const __m256i low_byte = _mm256_set1_epi16(255);
    for (; k + 32 <= p.cols; k += 32) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k + 16));
      // The packs work in halves of 128 bits; the permutation puts their quarters in order.
      const __m256i high =
          _mm256_permute4x64_epi64(_mm256_packs_epi16(_mm256_srai_epi16(a, 8), _mm256_srai_epi16(b, 8)), 0xd8);
      const __m256i low = _mm256_permute4x64_epi64(
          _mm256_packus_epi16(_mm256_and_si256(a, low_byte), _mm256_and_si256(b, low_byte)), 0xd8);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + k), _mm256_xor_si256(high, flip));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + width + k), low);
    }
    for (; k < p.cols; ++k) {
      out[k] = static_cast<uint8_t>((in[k] >> 8) + 128);
      out[width + k] = static_cast<uint8_t>(in[k] & 255);
    }
  }
  for (; k < width; ++k) {  // the weights there are 0; the bytes must only be defined
    out[k] = 0;
    if (p.x_bits == 16) out[width + k] = 0;
  }
}

[[gnu::always_inline]] inline __m256i broadcast4(const uint8_t* x) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  return _mm256_set1_epi32(four);
}

/// N samples times R row blocks with P planes; at most 8 accumulators of the 16 registers. Where that makes few chains
/// of sums, K steps at once have their own.
template <int P, int R, int N>
void tile(const DensePlan& p, int64_t block, const uint8_t* x, int64_t width, int64_t sample, const DenseCall& c) {
  constexpr int K = P * R * N > 4 ? 1 : P * R * N > 2 ? 2 : 4;
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
  for (; k + K <= p.steps; k += K, w += K * R * kStepBytes, x += K * 4)
#pragma GCC unroll 4
    for (int j = 0; j < K; ++j) {
      __m256i weights[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        weights[r] = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + (j * R + r) * kStepBytes));
        // In a register: g++ would load it once more for each product.
        if (P * N > 1) asm("" : "+x"(weights[r]));
      }
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (int plane = 0; plane < P; ++plane) {
          const __m256i input = broadcast4(x + j * 4 + (n * P + plane) * width);
#pragma GCC unroll 4
          for (int r = 0; r < R; ++r)
            sum[j][plane][n][r] = _mm256_dpbusd_avx_epi32(sum[j][plane][n][r], input, weights[r]);
        }
    }
  for (; k < p.steps; ++k, w += R * kStepBytes, x += 4)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m256i weights = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + r * kStepBytes));
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (int plane = 0; plane < P; ++plane)
          sum[0][plane][n][r] =
              _mm256_dpbusd_avx_epi32(sum[0][plane][n][r], broadcast4(x + (n * P + plane) * width), weights);
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
void group(const DensePlan& p, int64_t block, const uint8_t* x, int64_t width, int64_t sample, int64_t n,
           const DenseCall& c) {
  constexpr int kSamples = P == 2 ? 1 : 2;
  int64_t i = 0;
  for (; i + kSamples <= n; i += kSamples) tile<P, R, kSamples>(p, block, x + i * P * width, width, sample + i, c);
  for (; i < n; ++i) tile<P, R, 1>(p, block, x + i * P * width, width, sample + i, c);
}

template <int P>
void groups(const DensePlan& p, const uint8_t* x, int64_t width, int64_t sample, int64_t n, const DenseCall& c) {
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

void dense_s8_avxvnni(const DensePlan& p, const DenseCall& c) {
  uint8_t* planes = static_cast<uint8_t*>(c.scratch);
  const int64_t width = p.steps * 4, count = p.x_bits == 16 ? 2 : 1;
  for (int64_t first = 0; first < c.n; first += kDenseBlock) {
    const int64_t here = c.n - first < kDenseBlock ? c.n - first : kDenseBlock;
    for (int64_t i = 0; i < here; ++i)
      convert(p, static_cast<const char*>(c.x) + (first + i) * c.x_stride, width, planes + i * count * width);
    if (count == 2)
      groups<2>(p, planes, width, first, here, c);
    else
      groups<1>(p, planes, width, first, here, c);
  }
}

}  // namespace quantick::kernels
