#pragma once
// Sigmoid, tanh and erf over arrays of float32 (docs/numerics.md, section 3). The float and the quantized models use
// these same functions. Every instruction set gives the bits of sigmoid1, tanh1 and erf1 (pieces.h). y may be x. The
// caller's rounding mode must be nearest-even with denormals kept (core/float_mode.h). NaN gives the canonical quiet
// NaN.
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

void sigmoid_f32(const float* x, float* y, int64_t n, Isa isa = active_isa()) noexcept;
void tanh_f32(const float* x, float* y, int64_t n, Isa isa = active_isa()) noexcept;
void erf_f32(const float* x, float* y, int64_t n, Isa isa = active_isa()) noexcept;

/// The kernels behind the list, for tests and benchmarks.
void sigmoid_f32_scalar(const float* x, float* y, int64_t n);
void sigmoid_f32_avx2(const float* x, float* y, int64_t n);
void sigmoid_f32_avx512vnni(const float* x, float* y, int64_t n);
void tanh_f32_scalar(const float* x, float* y, int64_t n);
void tanh_f32_avx2(const float* x, float* y, int64_t n);
void tanh_f32_avx512vnni(const float* x, float* y, int64_t n);
void erf_f32_scalar(const float* x, float* y, int64_t n);
void erf_f32_avx2(const float* x, float* y, int64_t n);
void erf_f32_avx512vnni(const float* x, float* y, int64_t n);

}  // namespace quantick::kernels
