// Dense by pmaddwd: weights widened to 16 bits, 8 rows per vector, 2 columns per step. pmaddwd is exact here (no
// operand pair reaches its one overflow), unlike the saturating byte products of AVX2. 16-bit x goes in whole where
// int32 holds the sum, else as two byte planes. No std:: templates and no lambdas here: they would be compiled for
// AVX2, or miss it.
#include "quantick/kernels/dense/dense_finish_avx2.h"
#include "quantick/kernels/dense/dense_tile.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

struct Avx2 {
  using Sum = __m256i;
  using Input = int16_t;
  static constexpr int64_t kStepBytes = 16, kDepth = kPackingAvx2.depth;
  /// At most 8 accumulators of the 16 registers.
  static constexpr int samples(int planes) { return planes == 2 ? 1 : 2; }
  static constexpr int chains(int sums) { return sums >= 4 ? 1 : sums >= 2 ? 2 : 4; }

  [[gnu::always_inline]] static Sum zero() { return _mm256_setzero_si256(); }
  [[gnu::always_inline]] static Sum add(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
  [[gnu::always_inline]] static Sum weights(const int8_t* w) {
    return _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(w)));
  }
  [[gnu::always_inline]] static Sum broadcast(const int16_t* x) {
    int32_t two;
    __builtin_memcpy(&two, x, 4);
    return _mm256_set1_epi32(two);
  }
  [[gnu::always_inline]] static Sum product(Sum sum, Sum x, Sum w) { return add(sum, _mm256_madd_epi16(x, w)); }
  [[gnu::always_inline]] static void hold(Sum&) {}  // widened, they are in one
  static void convert(const DensePlan& p, const void* x, bool planes, int64_t width, int16_t* out);
  template <int P, int R>
  static void group(const DensePlan& p, int64_t block, const int16_t* x, int64_t sample, int64_t n,
                    const DenseCall& c) {
    tiles<Avx2, P, R>(p, p.weights + block * kStepBytes * p.steps, block, x, sample, n, c);
  }
  static void finish(const DensePlan& p, const Sum* sums, int planes, int samples, int blocks, int64_t block,
                     int64_t sample, const DenseCall& c) {
    kernels::finish(p, sums, planes, samples, blocks, block, sample, c);
  }
};

/// x of one sample as int16: whole, or (planes) hi in [-128, 127], then lo in [0, 255].
void Avx2::convert(const DensePlan& p, const void* x, bool planes, int64_t width, int16_t* out) {
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

}  // namespace

void dense_s8_avx2(const DensePlan& p, const DenseCall& c) {
  run_dense<Avx2>(p, c, p.wide && p.x_bits == 16, static_cast<int16_t*>(c.scratch));
}

}  // namespace quantick::kernels
