#pragma once
// How a network is quantized. Names are MXNet's where it had one.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/tensor/quantization.h"

namespace quantick::quant {

struct QuantizationConfig {
  std::string quantized_dtype = "auto";
  std::string calib_mode = "naive";
  double percentile = 99.99;
  std::string quantize_mode = "full";
  std::string quantize_granularity = "channel-wise";
  int64_t weight_bits = 8;
  std::string input_dtype = "auto";
  std::string output_dtype = "float32";
  std::string missing = "reject";
  double fill_value = 0;
  std::vector<std::string> exclude_layers;
  std::vector<std::string> exclude_layers_match;
  std::vector<std::string> exclude_operators;

  static constexpr auto fields() {
    using C = QuantizationConfig;
    return std::make_tuple(
        field("quantized_dtype", &C::quantized_dtype,
              "activations between layers: auto (int8, and int16 for what the head reads), int8, int16"),
        field("calib_mode", &C::calib_mode, "range of activations: naive (min-max), moving_average, percentile"),
        field("percentile", &C::percentile, "share kept on each side by calib_mode percentile, in percent"),
        field("quantize_mode", &C::quantize_mode,
              "full: every layer; all else is refused in this version, which has no float layers inside a program"),
        field(
            "quantize_granularity", &C::quantize_granularity,
            "weights: channel-wise (a scale per output row); all else is refused in this version, whose kernels have a "
            "scale per row"),
        field("weight_bits", &C::weight_bits, "2 to 8"),
        field("input_dtype", &C::input_dtype, "the model's input: auto (as quantized_dtype), int8, int16"),
        field("output_dtype", &C::output_dtype,
              "the model's output: float32 (the head's exact sums times their scale), int16"),
        field("missing", &C::missing, "NaN and infinities at the input: reject, fill"),
        field("fill_value", &C::fill_value, "what missing: fill puts in; 0 always lies on the grid"),
        field("exclude_layers", &C::exclude_layers,
              "layers that stay float, by name; any is refused in this version, which has no float layers inside a "
              "program"),
        field("exclude_layers_match", &C::exclude_layers_match,
              "the same by pattern (* any text, ? any character); one that meets a layer is refused in this version, "
              "which has no float layers inside a program"),
        field("exclude_operators", &C::exclude_operators,
              "operators that stay float; any is refused in this version, which has no float layers inside a program"));
  }

  /// Throws ValueError for wrong values and UnsupportedError, saying what is available, for what this version lacks.
  void validate() const;
  /// Width of activations and of the input: int8 or int16.
  DType activation_dtype() const;
  DType input_activation_dtype() const;
};

/// Whether `text` matches a pattern of *, ? and plain characters.
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace quantick::quant
