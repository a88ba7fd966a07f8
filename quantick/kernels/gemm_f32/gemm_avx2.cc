#include "quantick/kernels/gemm_f32/gemm_kernel.h"
#include "quantick/kernels/gemm_f32/gemm_tiles.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int kLanes = 8;
  __m256 v;
  [[gnu::always_inline]] static Vector zero() { return {_mm256_setzero_ps()}; }
  [[gnu::always_inline]] static Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  [[gnu::always_inline]] static void store(float* p, Vector x) { _mm256_storeu_ps(p, x.v); }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm256_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector multiply(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
  [[gnu::always_inline]] static Vector multiply_add(Vector a, Vector b, Vector c) {
    return {_mm256_fmadd_ps(a.v, b.v, c.v)};
  }
};

}  // namespace

void gemm_f32_6x16_avx2(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                        const float* packed, float alpha, bool accumulate, float* c, int64_t ldc) {
  gemm_tiles<Vector, kGemmRowsAvx2>(m, n, k, a, tile, row, column, packed, alpha, accumulate, c, ldc);
}

}  // namespace quantick::kernels
