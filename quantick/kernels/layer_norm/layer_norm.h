#pragma once
// Layer normalization in float32 with a fixed order of operations (docs/numerics.md, section 6), forward. Every
// instruction set gives the same bits for finite input. The caller's float mode must be nearest-even with denormals
// kept (core/float_mode.h).
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// x [rows, n] -> y [rows, n] = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per row; gamma, beta [n]. y may
/// be x. mean and rstd [rows] receive what a gradient needs, or are null. 1 <= n <= 2^24, epsilon > 0.
void layer_norm_f32(const float* x, int64_t rows, int64_t n, const float* gamma, const float* beta, float epsilon,
                    float* y, float* mean = nullptr, float* rstd = nullptr, Isa isa = active_isa()) noexcept;

/// Mean and reciprocal deviation of a row, which the row then uses.
struct RowMoments {
  float mean, rstd;
};

/// The kernels behind the list: one row.
RowMoments layer_norm_row_f32_scalar(const float* x, int64_t n, const float* gamma, const float* beta, float epsilon,
                                     float* y);
RowMoments layer_norm_row_f32_avx2(const float* x, int64_t n, const float* gamma, const float* beta, float epsilon,
                                   float* y);
RowMoments layer_norm_row_f32_avx512vnni(const float* x, int64_t n, const float* gamma, const float* beta,
                                         float epsilon, float* y);

}  // namespace quantick::kernels
