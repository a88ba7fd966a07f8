// Dense by vpdpbusd: unsigned bytes of x against signed weights, 16 rows per vector, 4 columns per step. 16-bit x is
// two byte planes that share each load of weights. Weights of 4 bits can come as nibbles, two steps in a line. No std::
// templates and no lambdas here: they would be compiled for AVX-512 (and merged into other files), or miss it.
#include "quantick/kernels/dense/dense_tile.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

struct Avx512Vnni {
  using Sum = __m512i;
  using Input = uint8_t;
  static constexpr int64_t kStepBytes = 64, kDepth = kPackingAvx512vnni.depth;
  /// At most 16 accumulators, or g++ spills them.
  static constexpr int samples(int planes) { return planes == 2 ? 2 : 4; }
  static constexpr int chains(int sums) { return sums > 4 ? 1 : sums > 2 ? 2 : sums > 1 ? 4 : 8; }

  [[gnu::always_inline]] static Sum zero() { return _mm512_setzero_si512(); }
  [[gnu::always_inline]] static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  [[gnu::always_inline]] static Sum weights(const int8_t* w) { return _mm512_loadu_si512(w); }
  [[gnu::always_inline]] static Sum broadcast(const uint8_t* x) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return _mm512_set1_epi32(four);
  }
  [[gnu::always_inline]] static Sum product(Sum sum, Sum x, Sum w) { return _mm512_dpbusd_epi32(sum, x, w); }
  [[gnu::always_inline]] static void hold(Sum& w) { asm("" : "+v"(w)); }
  static void convert(const DensePlan& p, const void* x, bool planes, int64_t width, uint8_t* out);
  template <int P, int R>
  static void group(const DensePlan& p, int64_t block, const uint8_t* x, int64_t sample, int64_t n, const DenseCall& c);
  [[gnu::noinline]] static void finish(const DensePlan& p, const Sum* sums, int planes, int samples, int blocks,
                                       int64_t block, int64_t sample, const DenseCall& c);
};

constexpr int64_t kLanes = kPackingAvx512vnni.lanes;

/// x of one sample as unsigned planes: x + 128; or for 16 bits hi + 128, then lo. `width` is the plane's padded length.
void Avx512Vnni::convert(const DensePlan& p, const void* x, bool planes, int64_t width, uint8_t* out) {
  int64_t k = 0;
  if (!planes) {
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
    if (planes) out[width + k] = 0;
  }
}

/// hi * 256 + lo + bias of 8 lanes in 64 bits, to float32 with one rounding.
[[gnu::always_inline]] inline __m256 joined(__m256i high, __m256i low, const int64_t* bias) {
  const __m512i sum = _mm512_add_epi64(_mm512_slli_epi64(_mm512_cvtepi32_epi64(high), 8), _mm512_cvtepi32_epi64(low));
  return _mm512_cvtepi64_ps(_mm512_add_epi64(sum, _mm512_loadu_si512(bias)));
}

/// From sums to results. Sums [planes][samples][blocks] of 16 rows each; planes: hi, lo, or lo alone.
void Avx512Vnni::finish(const DensePlan& p, const __m512i* sums, int planes, int samples, int blocks, int64_t block,
                        int64_t sample, const DenseCall& c) {
  const __m512 least = _mm512_set1_ps(p.low), most = _mm512_set1_ps(p.high);
  const __m512i zero = _mm512_set1_epi32(p.zero);
  for (int r = 0; r < blocks; ++r) {
    const int64_t row = (block + r) * kLanes, left = p.rows - row;
    const __mmask16 mask = left >= kLanes ? __mmask16{0xffff} : static_cast<__mmask16>((1u << left) - 1);
    const __m512i start = _mm512_load_si512(p.start + row), start_high = _mm512_load_si512(p.start_high + row);
    const __m512 scale = _mm512_load_ps(p.scale + row);
    for (int n = 0; n < samples; ++n) {
      const int64_t at = (sample + n) * p.rows + row;
      __m512i low = sums[((planes - 1) * samples + n) * blocks + r];
      __m512i high = planes == 2 ? sums[n * blocks + r] : _mm512_setzero_si512();
      if (p.nibbles) {  // each weight counted 16-fold
        low = _mm512_srai_epi32(low, 4);
        high = _mm512_srai_epi32(high, 4);
      }
      low = _mm512_add_epi32(low, start);
      high = _mm512_add_epi32(high, start_high);
      __m512 v;
      if (p.wide) {
        const __m256 first = joined(_mm512_castsi512_si256(high), _mm512_castsi512_si256(low), p.bias + row);
        const __m256 second =
            joined(_mm512_extracti64x4_epi64(high, 1), _mm512_extracti64x4_epi64(low, 1), p.bias + row + 8);
        v = _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
      } else {
        __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
        if (c.before) sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(mask, c.before + at));
        if (p.raw) {
          _mm512_mask_storeu_epi32(static_cast<int32_t*>(c.y) + at, mask, sum);
          continue;
        }
        v = _mm512_cvtepi32_ps(sum);
      }
      v = _mm512_mul_ps(v, c.row_scale ? _mm512_mul_ps(_mm512_set1_ps(c.row_scale[sample + n]), scale) : scale);
      if (p.y_bits == 32) {
        if (c.add) v = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, static_cast<const float*>(c.y) + at), v);
        if (p.bias_real) v = _mm512_add_ps(v, _mm512_load_ps(p.bias_real + row));
        _mm512_mask_storeu_ps(static_cast<float*>(c.y) + at, mask, v);
        continue;
      }
      v = _mm512_min_ps(_mm512_max_ps(v, least), most);
      const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(v), zero);
      // Narrowed in a register: stores that narrow are slow.
      if (p.y_bits == 16)
        _mm256_mask_storeu_epi16(static_cast<int16_t*>(c.y) + at, mask, _mm512_cvtepi32_epi16(q));
      else
        _mm_mask_storeu_epi8(static_cast<int8_t*>(c.y) + at, mask, _mm512_cvtepi32_epi8(q));
    }
  }
}

/// A tile over nibbles: a byte's low half belongs to an even step, its high half to the step behind it. Either half,
/// moved to the top of its byte, is 16 times the weight.
template <int P, int R, int N>
void nibble_tile(const DensePlan& p, const int8_t* w, int64_t block, const uint8_t* x, int64_t sample,
                 const DenseCall& c) {
  constexpr int K = P * R * N > 4 ? 1 : 2;
  const int64_t width = p.steps * Avx512Vnni::kDepth;
  __m512i sum[K][P][N][R];
  clear<Avx512Vnni, P, R, N, K>(sum);
  const __m512i top = _mm512_set1_epi8(static_cast<char>(0xf0));
  for (int64_t k = 0; k < p.steps; k += 2, w += R * Avx512Vnni::kStepBytes, x += 8)
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const __m512i both = _mm512_loadu_si512(w + r * Avx512Vnni::kStepBytes);
      const __m512i even = _mm512_and_si512(_mm512_slli_epi16(both, 4), top), odd = _mm512_and_si512(both, top);
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n)
#pragma GCC unroll 2
        for (int plane = 0; plane < P; ++plane) {
          const uint8_t* input = x + (n * P + plane) * width;
          sum[0][plane][n][r] = _mm512_dpbusd_epi32(sum[0][plane][n][r], Avx512Vnni::broadcast(input), even);
          sum[K - 1][plane][n][r] = _mm512_dpbusd_epi32(sum[K - 1][plane][n][r], Avx512Vnni::broadcast(input + 4), odd);
        }
    }
  join<Avx512Vnni, P, R, N, K>(p, sum, block, sample, c);
}

/// Nibbles of `blocks` row blocks to bytes of 16 times the weight.
void widen(const DensePlan& p, const int8_t* w, int64_t blocks, int8_t* out) {
  const __m512i top = _mm512_set1_epi8(static_cast<char>(0xf0));
  for (int64_t k = 0; k < p.steps; k += 2, out += blocks * Avx512Vnni::kStepBytes)
    for (int64_t r = 0; r < blocks; ++r, w += Avx512Vnni::kStepBytes, out += Avx512Vnni::kStepBytes) {
      const __m512i both = _mm512_loadu_si512(w);
      _mm512_storeu_si512(out, _mm512_and_si512(_mm512_slli_epi16(both, 4), top));
      _mm512_storeu_si512(out + blocks * Avx512Vnni::kStepBytes, _mm512_and_si512(both, top));
    }
}

template <int P, int R>
void Avx512Vnni::group(const DensePlan& p, int64_t block, const uint8_t* x, int64_t sample, int64_t n,
                       const DenseCall& c) {
  const int8_t* w = p.weights + block * kStepBytes * p.steps / (p.nibbles ? 2 : 1);
  if (p.nibbles) {
    if (n <= samples(P)) {
      const int64_t stride = P * p.steps * kDepth;
      int64_t i = 0;
      for (; i + 2 <= n; i += 2) nibble_tile<P, R, 2>(p, w, block, x + i * stride, sample + i, c);
      if (i < n) nibble_tile<P, R, 1>(p, w, block, x + i * stride, sample + i, c);
      return;
    }
    int8_t* const wide_weights = static_cast<int8_t*>(c.scratch);
    widen(p, w, R, wide_weights);
    w = wide_weights;
  }
  tiles<Avx512Vnni, P, R>(p, w, block, x, sample, n, c);
}

}  // namespace

void dense_s8_avx512vnni(const DensePlan& p, const DenseCall& c) {
  // Widened nibbles first, so that they stay aligned.
  const int64_t widened = p.nibbles ? kDenseGroup * Avx512Vnni::kStepBytes * p.steps : 0;
  run_dense<Avx512Vnni>(p, c, p.x_bits == 16, static_cast<uint8_t*>(c.scratch) + widened);
}

}  // namespace quantick::kernels
