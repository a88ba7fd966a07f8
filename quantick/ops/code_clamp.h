#pragma once
// Operators that only clamp keep the grid of their input: codes are clamped, nothing is rounded (relu, clip).
#include <memory>

#include "quantick/ops/integer_form.h"

namespace quantick {

/// Whether the output has the input's integer format, so that codes can stay codes.
bool keeps_codes(const PrepareCall& call);

/// y = min(max(q, low), high) on codes; one data input, the output's format is the input's.
std::unique_ptr<IntegerNode> make_code_clamp(const PrepareCall& call, int32_t low, int32_t high);

/// sat(RNE(x / scale) + zero) of one number, as kernels::quantize_s8 and _s16 have it.
int32_t code_of(float x, const TensorFormat& format);

}  // namespace quantick
