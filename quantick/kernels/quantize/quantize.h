#pragma once
// The float boundary and the residual sum (docs/numerics.md, section 2), over arrays. Every instruction set gives the
// same bits. Finite input is the caller's duty (section 13); a NaN gives the lowest code, an infinity saturates. The
// caller's float mode must be nearest-even with denormals kept (core/float_mode.h). Zero points lie within the range of
// the codes.
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// q = sat(RNE(x / scale) + zero), the division in float32. scale > 0.
void quantize_s8(const float* x, int64_t n, float scale, int32_t zero, int8_t* q, Isa isa = active_isa()) noexcept;
void quantize_s16(const float* x, int64_t n, float scale, int32_t zero, int16_t* q, Isa isa = active_isa()) noexcept;

/// x = f32(q - zero) * scale.
void dequantize_s8(const int8_t* q, int64_t n, float scale, int32_t zero, float* x, Isa isa = active_isa()) noexcept;
void dequantize_s16(const int16_t* q, int64_t n, float scale, int32_t zero, float* x, Isa isa = active_isa()) noexcept;

/// max |x|; 0 for n = 0 or zeros. A NaN is passed over.
float max_abs(const float* x, int64_t n, Isa isa = active_isa()) noexcept;

/// The scale of a row with largest magnitude `maximum`: maximum / 127 in float32; 1 below 2^-100, where the row counts
/// as zero.
float dynamic_scale(float maximum) noexcept;

/// Scales of `rows` rows of `width` values, each from its own largest magnitude.
void dynamic_scales(const float* x, int64_t rows, int64_t width, float* scales, Isa isa = active_isa()) noexcept;

/// The same for x [steps, rows, width], from a decaying maximum of the past: m = max(max|x|, decay * m), kept per row
/// in maxima [rows], zeros at the start. scales [steps, rows].
void decaying_scales(const float* x, int64_t steps, int64_t rows, int64_t width, float decay, float* maxima,
                     float* scales, Isa isa = active_isa()) noexcept;

/// q = clamp(RNE(x / scale), -127, 127): of a dynamic row. A NaN gives -127.
void quantize_symmetric_s8(const float* x, int64_t n, float scale, int8_t* q, Isa isa = active_isa()) noexcept;

/// One operand of a residual sum: scale is s_operand / s_y, in float32.
struct AddOperand {
  float scale = 1;
  int32_t zero = 0;
};

/// y = sat(RNE(f32(a - zero_a) * scale_a + f32(b - zero_b) * scale_b) + zero_y). y may be a or b. |scale| <= 2^95.
void add_s8(const int8_t* a, AddOperand of_a, const int8_t* b, AddOperand of_b, int64_t n, int32_t zero_y, int8_t* y,
            Isa isa = active_isa()) noexcept;
void add_s16(const int16_t* a, AddOperand of_a, const int16_t* b, AddOperand of_b, int64_t n, int32_t zero_y,
             int16_t* y, Isa isa = active_isa()) noexcept;

}  // namespace quantick::kernels
