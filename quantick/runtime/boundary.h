#pragma once
// Where float32 enters and leaves a program (docs/numerics.md, sections 2 and 13). No call allocates, locks or throws;
// the caller sets the float mode (core/float_mode.h).
#include <cstdint>

#include "quantick/core/cpu.h"
#include "quantick/runtime/program.h"

namespace quantick::runtime {

/// Index of the first NaN or infinity, or -1.
int64_t first_not_finite(const float* x, int64_t n) noexcept;

/// Clamps integer codes to the format's narrow bits, rounds float32 values to its grid (saturating); most formats ask
/// for neither.
void settle(void* codes, int64_t n, const TensorFormat& format) noexcept;

/// Codes of n finite values; where `input.missing` is fill, NaN and infinities count as the fill value.
void enter(const float* x, int64_t n, const ProgramInput& input, const TensorFormat& format, void* codes,
           Isa isa) noexcept;

/// float32 values of n codes.
void leave(const void* codes, int64_t n, const TensorFormat& format, float* x, Isa isa) noexcept;

}  // namespace quantick::runtime
