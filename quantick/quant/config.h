#pragma once
// How a network is quantized. Names are MXNet's where it had one. Everything has a default; rules for single layers and
// tensors go by pattern (* any text, ? any character), and a later rule wins.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/tensor/quantization.h"

namespace quantick::quant {

/// Another way for some layers. Empty texts and 0 leave the setting as it is.
struct LayerRule {
  std::string match, method, quantize_granularity;
  int64_t group_size = 0;
  static constexpr auto fields() {
    using R = LayerRule;
    return std::make_tuple(field("match", &R::match, "pattern of layer names"),
                           field("method", &R::method, "static, dynamic, dynamic_decay, weight_only, float32"),
                           field("quantize_granularity", &R::quantize_granularity,
                                 "scales of its weights: tensor-wise, channel-wise, group-wise"),
                           field("group_size", &R::group_size, "columns that share a scale, with group-wise"));
  }
};

/// The width of single tensors. A layer called "rnn" has rnn.output and, where it has weights, rnn.weight; an LSTM has
/// rnn.weight.i, .f, .g, .o, rnn.gate.i and so on, rnn.cell and rnn.hidden; a GRU rnn.weight.r, .z, .n, rnn.gate.r and
/// so on, rnn.state and rnn.hidden. "input" is the model's input.
struct TensorRule {
  std::string match, dtype;
  static constexpr auto fields() {
    return std::make_tuple(field("match", &TensorRule::match, "pattern of tensor names, e.g. *.cell"),
                           field("dtype", &TensorRule::dtype,
                                 "int2 .. int16, bf16, fp16, float32; gates and states int2 .. int32 (float32 from "
                                 "int24 on), float32; hidden int8, int16"));
  }
};

/// A range given by hand, for calib_mode custom.
struct RangeRule {
  std::string match;
  double low = 0, high = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("match", &RangeRule::match, "pattern of tensor names: input, fc.output"),
                           field("low", &RangeRule::low, "smallest value to cover"),
                           field("high", &RangeRule::high, "largest value to cover"));
  }
};

struct QuantizationConfig {
  std::string quantized_dtype = "auto";
  std::string method = "auto";
  double decay = 0.999;
  std::string activation_scheme = "asymmetric";
  std::string calib_mode = "naive";
  double percentile = 99.99;
  std::string quantize_mode = "full";
  std::string quantize_granularity = "channel-wise";
  int64_t group_size = 32;
  int64_t weight_bits = 8;
  bool power_of_two = false;
  std::string input_dtype = "auto";
  std::string output_dtype = "float32";
  std::string layout = "auto";
  std::string missing = "reject";
  double fill_value = 0;
  std::vector<std::string> exclude_layers;
  std::vector<std::string> exclude_layers_match;
  std::vector<std::string> exclude_operators;
  std::vector<LayerRule> layers;
  std::vector<TensorRule> tensors;
  std::vector<RangeRule> ranges;
  std::vector<std::string> corrections;

  static constexpr auto fields() {
    using C = QuantizationConfig;
    return std::make_tuple(
        field("quantized_dtype", &C::quantized_dtype,
              "activations between layers: auto (int8, and int16 for what the head reads), int8, uint8 (int8, always "
              "asymmetric), int16, int4 (int8 activations, 4-bit weights)"),
        field("method", &C::method,
              "auto (static where there is calibration data, else dynamic), static, dynamic (a scale per row and "
              "step), dynamic_decay (from a decaying maximum of the past), weight_only"),
        field("decay", &C::decay, "of dynamic_decay: share of the past maximum kept per step"),
        field("activation_scheme", &C::activation_scheme, "of 8 bits and less: asymmetric, symmetric"),
        field("calib_mode", &C::calib_mode,
              "range of activations: naive (min-max), moving_average, percentile, entropy, mse, custom (ranges; naive "
              "where none matches), none (dynamic quantization)"),
        field("percentile", &C::percentile, "share kept on each side by calib_mode percentile, in percent"),
        field("quantize_mode", &C::quantize_mode,
              "full: every layer; smart: layers that multiply integers (where layers are marked: only those), and what "
              "feeds them; the rest stays float"),
        field("quantize_granularity", &C::quantize_granularity,
              "scales of weights: tensor-wise, channel-wise (one per output row), group-wise"),
        field("group_size", &C::group_size, "columns that share a scale, with group-wise"),
        field("weight_bits", &C::weight_bits,
              "of weights without a rule of their own, 2 to 16; 4 with quantized_dtype int4"),
        field("power_of_two", &C::power_of_two, "scales of weights and activations are powers of two"),
        field("input_dtype", &C::input_dtype, "the model's input: auto (as quantized_dtype), int8, int16, float32"),
        field("output_dtype", &C::output_dtype,
              "the model's output: float32 (the head's exact sums times their scale), int16"),
        field("layout", &C::layout,
              "of the model's input: sequence ([steps, batch, ...]), frame ([batch, ...]), auto (by the layers)"),
        field("missing", &C::missing, "NaN and infinities at the input: reject, fill"),
        field("fill_value", &C::fill_value,
              "what missing: fill puts in, as the nearest point of the input's grid; 0 always lies on it"),
        field("exclude_layers", &C::exclude_layers, "layers that stay float, by name"),
        field("exclude_layers_match", &C::exclude_layers_match, "the same by pattern"),
        field("exclude_operators", &C::exclude_operators, "operators that stay float"),
        field("layers", &C::layers, "rules for single layers: {match, method, quantize_granularity, group_size}"),
        field("tensors", &C::tensors, "rules for single tensors: {match, dtype}"),
        field("ranges", &C::ranges, "ranges given by hand, with calib_mode custom: {match, low, high}"),
        field("corrections", &C::corrections,
              "before lowering, in this order: equalization, scale_migration, learned_rounding, bias_correction"));
  }

  /// Throws ValueError for wrong values and UnsupportedError, saying what is available, for what this version lacks.
  void validate() const;
  /// Bits of activations, and of the input; 0 for a float32 input.
  int activation_bits() const;
  int input_bits() const;
  /// Bits of weights: weight_bits, or 4 where quantized_dtype is int4.
  int64_t bits_of_weights() const;
  /// "static", "dynamic", ...: what "auto" means here.
  std::string default_method() const;
};

/// Whether `text` matches a pattern of *, ? and plain characters.
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace quantick::quant
