#include "quantick/core/float16.h"
#include "quantick/kernels/gemm_f32/gemm_kernel.h"
#include "quantick/kernels/gemm_f32/gemm_tiles.h"

namespace quantick::kernels {
namespace {

/// Eight floats that the compiler maps to what the target has; multiply and add stay two operations.
struct Vector {
  static constexpr int kLanes = 8;
  float lane[kLanes];
  static Vector zero() { return {}; }
  static Vector load(const float* p, int64_t count = kLanes) {
    Vector v = {};
    for (int i = 0; i < count; ++i) v.lane[i] = p[i];
    return v;
  }
  static void store(float* p, const Vector& v, int64_t count = kLanes) {
    for (int i = 0; i < count; ++i) p[i] = v.lane[i];
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
  static void widen(const float* p, Vector& first, Vector& second) { first = load(p), second = load(p + kLanes); }
  static void widen(const Bf16* p, Vector& first, Vector& second) {
    for (int i = 0; i < kLanes; ++i)
      first.lane[i] = from_bf16(p[2 * i].bits), second.lane[i] = from_bf16(p[2 * i + 1].bits);
  }
  static void widen(const Fp16* p, Vector& first, Vector& second) {
    for (int i = 0; i < kLanes; ++i)
      first.lane[i] = from_fp16(p[i].bits), second.lane[i] = from_fp16(p[kLanes + i].bits);
  }
};

}  // namespace

const GemmKernel gemm_f32_2x16_scalar = {
    kGemmPanelScalar,
    kGemmRowsScalar,
    {gemm_tiles<Vector, float, kGemmRowsScalar>, gemm_tiles<Vector, Bf16, kGemmRowsScalar>,
     gemm_tiles<Vector, Fp16, kGemmRowsScalar>}};

}  // namespace quantick::kernels
