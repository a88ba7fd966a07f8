// Dense by the vpdpbusd of AVX-VNNI: unsigned bytes of x against signed weights, 8 rows per vector, 4 columns per step.
// 16-bit x is two byte planes that share each load of weights. No std:: templates and no lambdas here: they would be
// compiled for AVX2, or miss it.
#include "quantick/kernels/dense/dense_finish_avx2.h"
#include "quantick/kernels/dense/dense_tile.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

struct AvxVnni {
  using Sum = __m256i;
  using Input = uint8_t;
  static constexpr int64_t kStepBytes = 32, kDepth = kPackingAvxvnni.depth;
  /// At most 8 accumulators of the 16 registers.
  static constexpr int samples(int planes) { return planes == 2 ? 1 : 2; }
  static constexpr int chains(int sums) { return sums > 4 ? 1 : sums > 2 ? 2 : 4; }

  [[gnu::always_inline]] static Sum zero() { return _mm256_setzero_si256(); }
  [[gnu::always_inline]] static Sum add(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
  [[gnu::always_inline]] static Sum weights(const int8_t* w) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
  }
  [[gnu::always_inline]] static Sum broadcast(const uint8_t* x) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return _mm256_set1_epi32(four);
  }
  [[gnu::always_inline]] static Sum product(Sum sum, Sum x, Sum w) { return _mm256_dpbusd_avx_epi32(sum, x, w); }
  [[gnu::always_inline]] static void hold(Sum& w) { asm("" : "+x"(w)); }
  static void convert(const DensePlan& p, const void* x, bool planes, int64_t width, uint8_t* out);
  template <int P, int R>
  static void group(const DensePlan& p, int64_t block, const uint8_t* x, int64_t sample, int64_t n,
                    const DenseCall& c) {
    tiles<AvxVnni, P, R>(p, p.weights + block * kStepBytes * p.steps, block, x, sample, n, c);
  }
  static void finish(const DensePlan& p, const Sum* sums, int planes, int samples, int blocks, int64_t block,
                     int64_t sample, const DenseCall& c) {
    kernels::finish(p, sums, planes, samples, blocks, block, sample, c);
  }
};

/// x of one sample as unsigned planes: x + 128; or for 16 bits hi + 128, then lo. `width` is the plane's padded length.
void AvxVnni::convert(const DensePlan& p, const void* x, bool planes, int64_t width, uint8_t* out) {
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80));
  int64_t k = 0;
  if (!planes) {
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
    if (planes) out[width + k] = 0;
  }
}

}  // namespace

void dense_s8_avxvnni(const DensePlan& p, const DenseCall& c) {
  run_dense<AvxVnni>(p, c, p.x_bits == 16, static_cast<uint8_t*>(c.scratch));
}

}  // namespace quantick::kernels
