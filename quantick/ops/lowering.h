#pragma once
// From float parameters to the integers and scales of a fixed-bits node (docs/numerics.md, sections 1 and 2). Orders of
// operations and precisions are part of the contract: they decide bits.
//
// How a weighted operator uses this. One that is a product of a weight matrix and rows of x (Dense, a convolution over
// gathered rows, the projections of attention) wants only ops/lowered_product.h: lower_product() gives the constants
// for every method, granularity and width, and LoweredProduct runs them. One that joins integer products itself (LSTM,
// GRU) calls
//   weight_form(call.precision), or gate_weight_form with widths gate by gate;
//   static:      quantize_weight with bias and s_x, quantize_bias, row_scales; pack_codes for the file;
//   dynamic:     quantize_weight without bias, DenseSpec::dynamic with the bias in float32;
//   weight_only and float32: lower_real_weight for the file, ops/float_product.h to run.
// At prepare, unpack_codes gives the codes back as int8 or int16.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/ops/integer_form.h"

namespace quantick {

/// How a weight becomes integers.
struct WeightForm {
  int bits = 8;                   ///< 2..16
  std::vector<int64_t> row_bits;  ///< in place of `bits`, one per row; or empty
  std::string granularity = "channel-wise";
  int64_t group_size = 32;  ///< columns that share a scale, with group-wise
  bool power_of_two = false;
};

/// That of an operator without gates.
WeightForm weight_form(const Precision& precision);

/// Rows [gates * units] come gate by gate: gate_weight_bits hold in place of weight_dtype where there are some.
WeightForm gate_weight_form(const Precision& precision, int64_t gates, int64_t units, std::string_view who);

struct QuantizedWeight {
  Array values;               ///< int8, or int16 where a row has more than 8 bits; the shape of the weight
  std::vector<float> scales;  ///< one per row; group-wise: [rows, groups]
  int64_t groups = 0;         ///< per row; 0 unless group-wise
  int bits = 8;               ///< the most of any row

  int64_t rows() const { return values.shape()[0]; }
  /// Numbers that belong to the scales (themselves, or row_scales of them) as [rows] or [rows, groups].
  Array scale_array(std::span<const float> numbers) const;
};

/// Weight [rows, ...] float32 to codes within +-(2^(bits-1) - 1). Scale of a row: max(max|w| / limit,
/// |bias| * 2^-30 / s_x), so that its bias fits int32; 1 where both are zero. Tensor-wise: the largest over the rows.
/// Group-wise: per group of columns, and the bias has no say. Power of two: the next one at or above. bias: float64
/// values, or empty. Throws ValueError for bits outside 2..16 and for values that are not finite; `who` stands in
/// brackets.
QuantizedWeight quantize_weight(const Array& weight, const WeightForm& form, std::span<const double> bias, float s_x,
                                std::string_view who);
/// Channel-wise.
QuantizedWeight quantize_weight(const Array& weight, int bits, std::span<const double> bias, float s_x,
                                std::string_view who);

/// RNE(b / (s_x * s_w)) in float64, minus zero_x times the row's sum of weights. One scale per row. Throws ValueError
/// where the rounded bias leaves int32.
std::vector<int64_t> quantize_bias(std::span<const double> bias, float s_x, int32_t zero_x,
                                   const QuantizedWeight& weight, std::string_view who);

/// (s_x * s_w) / s_y in float32, in that order, per scale. Throws ValueError outside [2^-100, `largest`].
std::vector<float> row_scales(float s_x, std::span<const float> s_w, float s_y, float largest, std::string_view who);

/// f32(b) / s_y in float32. Throws ValueError for values that are not finite.
std::vector<float> real_bias(std::span<const double> bias, float s_y, std::string_view who);

/// Codes [rows, ...] of `bits` bits as the file keeps them, [rows, bytes or columns]: up to 4 bits two per byte (uint8,
/// the earlier column in the low half, each row from a byte of its own), else as they are.
Array pack_codes(const Array& codes, int bits);

/// Back: int8 or int16 [rows, columns]. Throws FormatError where the stored array has another width.
Array unpack_codes(const Array& stored, int64_t columns);

/// f32(q) * s for codes [rows, columns] and scales [rows] or [rows, groups] of group_size columns.
Array dequantize_weight(const Array& codes, const Array& scales, int64_t group_size);

/// Constants of a weight for a float32 product. weight_only: `name` (codes) and `name`_scale. float32: `name`, as
/// float32 or as the bits of bf16 or fp16 (int16). Throws ValueError where a value does not fit the type.
std::vector<NamedArray> lower_real_weight(const std::string& name, const Array& weight, const Precision& precision,
                                          const WeightForm& form, std::string_view who);

/// What lower_real_weight kept with method float32: float32, or int16 with the bits of bf16 or fp16; [rows, columns].
Array stored_real_weight(const PrepareCall& call, const std::string& name, int64_t columns);

/// What lower_real_weight kept with either method, as float32 [rows, columns].
Array real_weight(const PrepareCall& call, const std::string& name, int64_t columns);

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

}  // namespace quantick
