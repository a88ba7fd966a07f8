#pragma once
// Exponential and softmax in float32 with a fixed order of operations (docs/numerics.md, section 3). The
// float and the quantized models use the same functions. Every instruction set gives the same bits. The caller's float
// mode must be nearest-even with denormals kept (core/float_mode.h).
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// y = e^x within 1 ulp: +0 below -87, infinity above 88.72283, exp(+-0) = 1, NaN gives the canonical quiet NaN. y may
/// be x.
void exp_f32(const float* x, float* y, int64_t n, Isa isa = active_isa()) noexcept;

/// exp(x) over its sum, for n values that lie `stride` apart in x and in y; y may be x.
void softmax_f32(const float* x, int64_t n, int64_t stride, float* y, Isa isa = active_isa()) noexcept;

/// The logarithm of the same: (x - max) - log(sum of exp(x - max)).
void log_softmax_f32(const float* x, int64_t n, int64_t stride, float* y, Isa isa = active_isa()) noexcept;

/// The kernels behind the list, for tests and benchmarks.
void exp_f32_scalar(const float* x, float* y, int64_t n);
void exp_f32_avx2(const float* x, float* y, int64_t n);
void exp_f32_avx512vnni(const float* x, float* y, int64_t n);

}  // namespace quantick::kernels
