#pragma once
// How one node of a fixed-bits program keeps its numbers. quant fills it from the configuration's patterns, `lower`
// obeys it, the model file keeps it beside the node, `prepare` reads it back.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/core/fields.h"

namespace quantick {

struct Precision {
  std::string method = "static";
  std::string weight_dtype = "int8";
  std::vector<int64_t> gate_weight_bits;
  std::string granularity = "channel-wise";
  int64_t group_size = 32;
  bool power_of_two = false;
  std::vector<int64_t> gate_bits;
  int64_t state_bits = 24;
  double state_top = 1;
  int64_t hidden_bits = 16;
  double decay = 0.999;

  static constexpr auto fields() {
    using P = Precision;
    return std::make_tuple(
        field("method", &P::method,
              "static (integer inputs of known scale), dynamic (float32 inputs, a scale per row and step), "
              "dynamic_decay (the same from a decaying maximum of the past), weight_only (integer weights, float32 "
              "arithmetic), float32 (nothing is quantized)"),
        field("weight_dtype", &P::weight_dtype, "int2 .. int16; with method float32 also bf16, fp16, float32"),
        field("gate_weight_bits", &P::gate_weight_bits, "of recurrent layers, gate by gate; empty: weight_dtype"),
        field("granularity", &P::granularity, "scales of weights: tensor-wise, channel-wise, group-wise"),
        field("group_size", &P::group_size, "columns that share a scale, with group-wise"),
        field("power_of_two", &P::power_of_two, "scales of weights are powers of two"),
        field("gate_bits", &P::gate_bits, "kept of each gate, 2..24; empty: 24, which is float32"),
        field("state_bits", &P::state_bits, "kept of the cell or state, 2..24; 24 is float32"),
        field("state_top", &P::state_top, "range of a narrowed cell or state, a power of two"),
        field("hidden_bits", &P::hidden_bits, "what the recurrent product reads of the hidden state: 16 or 8"),
        field("decay", &P::decay, "of dynamic_decay: share of the past maximum kept per step"));
  }

  /// 2..16 where weight_dtype is an integer type. Throws ValueError for other names.
  int weight_bits() const;
  bool dynamic() const { return method == "dynamic" || method == "dynamic_decay"; }
  /// Weights stay integers that are multiplied out in float32, or floats: no integer product.
  bool real() const { return method == "weight_only" || method == "float32"; }
  /// Throws ValueError that names the field for values out of range or unknown names; `who` stands in brackets.
  void validate(std::string_view who) const;

  friend bool operator==(const Precision&, const Precision&) = default;
};

/// 2..16 for "int2".."int16"; 0 for another name.
int integer_bits(std::string_view dtype);

}  // namespace quantick
