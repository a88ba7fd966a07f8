#include "quantick/kernels/gemm_f32/gemm_kernel.h"
#include "quantick/kernels/gemm_f32/gemm_tiles.h"

namespace quantick::kernels {
namespace {

/// Eight floats that the compiler maps to what the target has; multiply and add stay two operations.
struct Vector {
  static constexpr int kLanes = 8;
  float lane[kLanes];
  static Vector zero() { return {}; }
  static Vector load(const float* p) {
    Vector v;
    for (int i = 0; i < kLanes; ++i) v.lane[i] = p[i];
    return v;
  }
  static void store(float* p, const Vector& v) {
    for (int i = 0; i < kLanes; ++i) p[i] = v.lane[i];
  }
  static Vector broadcast(float x) {
    Vector v;
    for (float& l : v.lane) l = x;
    return v;
  }
  static Vector multiply(const Vector& a, const Vector& b) {
    Vector v;
    for (int i = 0; i < kLanes; ++i) v.lane[i] = a.lane[i] * b.lane[i];
    return v;
  }
  static Vector multiply_add(const Vector& a, const Vector& b, const Vector& c) {
    Vector v;
    for (int i = 0; i < kLanes; ++i) v.lane[i] = a.lane[i] * b.lane[i] + c.lane[i];
    return v;
  }
};

}  // namespace

void gemm_f32_2x16_scalar(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                          const float* packed, float alpha, bool accumulate, float* c, int64_t ldc) {
  gemm_tiles<Vector, kGemmRowsScalar>(m, n, k, a, tile, row, column, packed, alpha, accumulate, c, ldc);
}

}  // namespace quantick::kernels
