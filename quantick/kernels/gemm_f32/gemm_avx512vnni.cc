#include "quantick/kernels/gemm_f32/gemm_kernel.h"
#include "quantick/kernels/gemm_f32/gemm_tiles.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int kLanes = 16;
  __m512 v;
  [[gnu::always_inline]] static __mmask16 mask(int64_t count) {
    return static_cast<__mmask16>((uint32_t{1} << count) - 1);
  }
  [[gnu::always_inline]] static Vector zero() { return {_mm512_setzero_ps()}; }
  [[gnu::always_inline]] static Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
  [[gnu::always_inline]] static Vector load(const float* p, int64_t count) {
    return {_mm512_maskz_loadu_ps(mask(count), p)};
  }
  [[gnu::always_inline]] static void store(float* p, Vector x) { _mm512_storeu_ps(p, x.v); }
  [[gnu::always_inline]] static void store(float* p, Vector x, int64_t count) {
    _mm512_mask_storeu_ps(p, mask(count), x.v);
  }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm512_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector multiply(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
  [[gnu::always_inline]] static Vector multiply_add(Vector a, Vector b, Vector c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  [[gnu::always_inline]] static void widen(const float* p, Vector& first, Vector& second) {
    first = load(p), second = load(p + kLanes);
  }
  [[gnu::always_inline]] static void widen(const Bf16* p, Vector& first, Vector& second) {
    const __m512i both = _mm512_loadu_si512(p);
    first.v = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
    second.v = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  [[gnu::always_inline]] static void widen(const Fp16* p, Vector& first, Vector& second) {
    first.v = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    second.v = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + kLanes)));
  }
};

}  // namespace

const GemmKernel gemm_f32_8x32_avx512vnni = {
    kGemmPanelAvx512,
    kGemmRowsAvx512,
    {gemm_tiles<Vector, float, kGemmRowsAvx512>, gemm_tiles<Vector, Bf16, kGemmRowsAvx512>,
     gemm_tiles<Vector, Fp16, kGemmRowsAvx512>}};

}  // namespace quantick::kernels
