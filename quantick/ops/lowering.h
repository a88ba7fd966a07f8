#pragma once
// From float parameters to the integers and scales of a fixed-bits node (docs/numerics.md, sections 1 and 2). Orders of
// operations and precisions are part of the contract: they decide bits.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/ops/integer_form.h"

namespace quantick {

struct QuantizedWeight {
  Array values;               ///< int8, the shape of the weight, within +-(2^(bits-1) - 1)
  std::vector<float> scales;  ///< one per row
};

/// Weight [rows, ...] float32 by rows: scale = max(max|w| / limit, |bias| * 2^-30 / s_x), so that the row's bias fits
/// int32; 1 where both are zero. bias: float64 values, or empty. Throws ValueError for bits outside 2..8 and for values
/// that are not finite; `who` stands in brackets.
QuantizedWeight quantize_weight(const Array& weight, int bits, std::span<const double> bias, float s_x,
                                std::string_view who);

/// RNE(b / (s_x * s_w)) in float64, minus zero_x times the row's sum of weights. Throws ValueError where the rounded
/// bias leaves int32.
std::vector<int64_t> quantize_bias(std::span<const double> bias, float s_x, int32_t zero_x,
                                   const QuantizedWeight& weight, std::string_view who);

/// (s_x * s_w) / s_y in float32, in that order, per row. Throws ValueError outside [2^-100, `largest`].
std::vector<float> row_scales(float s_x, std::span<const float> s_w, float s_y, float largest, std::string_view who);

/// The contract's upper bound of requantization scales.
inline constexpr float kLargestScale = 0x1p95f;

/// Throws ValueError where `scale` lies outside [2^-100, largest].
void check_scale(float scale, float largest, std::string_view who);

/// "[dense] layer "head"": the start of an error's text.
std::string lowering_name(std::string_view op, const LowerCall& call);

/// Values in float64; an undefined array gives zeros.
std::vector<double> parameter_values(const Array& parameter, int64_t count);

/// The call's parameter, or an undefined array where it has none.
Array parameter_of(const LowerCall& call, size_t index);

/// Throws UnsupportedError where a data input stays float.
void require_quantized_inputs(const LowerCall& call, std::string_view who);

}  // namespace quantick
