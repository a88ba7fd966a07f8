#pragma once
// Root-mean-square normalization in float32 with a fixed order of operations (docs/numerics.md, section 6).
// Plain code: one set of bits. The caller's float mode must be nearest-even with denormals kept (core/float_mode.h).
#include <cstdint>

namespace quantick::kernels {

/// x [rows, n] -> y [rows, n] = (x * rstd) * gamma with rstd = 1 / sqrt(sum(x * x) / n + epsilon), per row; gamma [n].
/// y may be x. rstd_out [rows] receives what a gradient needs, or is null. 1 <= n <= 2^24, epsilon > 0.
void rms_norm_f32(const float* x, int64_t rows, int64_t n, const float* gamma, float epsilon, float* y,
                  float* rstd_out = nullptr) noexcept;

}  // namespace quantick::kernels
