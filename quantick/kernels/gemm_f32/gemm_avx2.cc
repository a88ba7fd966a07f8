#include "quantick/kernels/gemm_f32/gemm_kernel.h"
#include "quantick/kernels/gemm_f32/gemm_tiles.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int kLanes = 8;
  __m256 v;
  [[gnu::always_inline]] static __m256i mask(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  [[gnu::always_inline]] static Vector zero() { return {_mm256_setzero_ps()}; }
  [[gnu::always_inline]] static Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  [[gnu::always_inline]] static Vector load(const float* p, int64_t count) {
    return {_mm256_maskload_ps(p, mask(count))};
  }
  [[gnu::always_inline]] static void store(float* p, Vector x) { _mm256_storeu_ps(p, x.v); }
  [[gnu::always_inline]] static void store(float* p, Vector x, int64_t count) {
    _mm256_maskstore_ps(p, mask(count), x.v);
  }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm256_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector multiply(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
  [[gnu::always_inline]] static Vector multiply_add(Vector a, Vector b, Vector c) {
    return {_mm256_fmadd_ps(a.v, b.v, c.v)};
  }
  [[gnu::always_inline]] static void widen(const float* p, Vector& first, Vector& second) {
    first = load(p), second = load(p + kLanes);
  }
  [[gnu::always_inline]] static void widen(const Bf16* p, Vector& first, Vector& second) {
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    first.v = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
    second.v = _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  [[gnu::always_inline]] static void widen(const Fp16* p, Vector& first, Vector& second) {
    first.v = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    second.v = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + kLanes)));
  }
};

}  // namespace

const GemmKernel gemm_f32_6x16_avx2 = {
    kGemmPanelAvx2,
    kGemmRowsAvx2,
    {gemm_tiles<Vector, float, kGemmRowsAvx2>, gemm_tiles<Vector, Bf16, kGemmRowsAvx2>,
     gemm_tiles<Vector, Fp16, kGemmRowsAvx2>}};

}  // namespace quantick::kernels
