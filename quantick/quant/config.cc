#include "quantick/quant/config.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "quantick/core/error.h"
#include "quantick/quant/observer.h"
#include "quantick/runtime/program.h"

namespace quantick::quant {
namespace {

using Names = std::vector<std::string>;

std::string joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

const Names kGranularities{"tensor-wise", "channel-wise", "group-wise"};

void check_choice(std::string_view key, const std::string& was, const Names& available) {
  if (std::find(available.begin(), available.end(), was) != available.end()) return;
  const std::string near = nearest_name(was, available);
  fail<ValueError>("[quantize] {}, was \"{}\", expected one of {}{}", key, was, joined(available),
                   near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace

void QuantizationConfig::validate() const {
  Names calib_modes = observer_names();
  calib_modes.insert(calib_modes.end(), {"custom", "none"});
  check_choice("quantized_dtype", quantized_dtype, {"auto", "int8", "uint8", "int16", "int4"});
  check_choice("method", method, {"auto", "static", "dynamic", "dynamic_decay", "weight_only"});
  check_choice("activation_scheme", activation_scheme, {"asymmetric", "symmetric"});
  check_choice("calib_mode", calib_mode, calib_modes);
  check_choice("quantize_mode", quantize_mode, {"full", "smart"});
  check_choice("quantize_granularity", quantize_granularity, kGranularities);
  check_choice("input_dtype", input_dtype, {"auto", "int8", "int16", "float32"});
  check_choice("output_dtype", output_dtype, {"float32", "int16"});
  check_choice("layout", layout, {"auto", "sequence", "frame"});
  runtime::missing_policy_from_name(missing);
  QTK_CHECK(weight_bits >= 2 && weight_bits <= 16, ValueError, "[quantize] weight_bits, was {}, expected 2..16",
            weight_bits);
  QTK_CHECK(quantized_dtype != "int4" || weight_bits == 8 || weight_bits == 4, ValueError,
            "[quantize] quantized_dtype int4 has 4-bit weights, weight_bits was {}", weight_bits);
  const bool some_static = default_method() == "static" || std::any_of(layers.begin(), layers.end(), [](const auto& r) {
                             return r.method == "static";
                           });
  QTK_CHECK(some_static || input_dtype == "auto" || input_dtype == "float32", ValueError,
            "[quantize] input_dtype, was {}, expected auto or float32: with method {} no layer reads integers",
            input_dtype, default_method());
  QTK_CHECK(some_static || output_dtype == "float32", ValueError,
            "[quantize] output_dtype, was {}, expected float32: with method {} layers give float32", output_dtype,
            default_method());
  QTK_CHECK(group_size >= 1, ValueError, "[quantize] group_size, was {}, expected >= 1", group_size);
  QTK_CHECK(decay > 0 && decay < 1, ValueError, "[quantize] decay, was {}, expected between 0 and 1", decay);
  QTK_CHECK(percentile > 50 && percentile <= 100, ValueError, "[quantize] percentile, was {}, expected 50 < p <= 100",
            percentile);
  QTK_CHECK(std::isfinite(fill_value), ValueError, "[quantize] fill_value, was {}, expected a finite number",
            fill_value);
  QTK_CHECK(method != "static" || calib_mode != "none", ValueError,
            "[quantize] method static needs calibration data; calib_mode none goes with dynamic and weight_only");
  QTK_CHECK(quantized_dtype != "uint8" || activation_scheme == "asymmetric", ValueError,
            "[quantize] quantized_dtype uint8 is asymmetric, activation_scheme was \"{}\"", activation_scheme);
  QTK_CHECK(ranges.empty() || calib_mode == "custom", ValueError,
            "[quantize] ranges are for calib_mode custom, calib_mode was \"{}\"", calib_mode);
  for (const TensorRule& rule : tensors)
    QTK_CHECK(!rule.match.empty() && !rule.dtype.empty(), ValueError,
              "[quantize] rule for tensors, had match \"{}\" and dtype \"{}\", expected both", rule.match, rule.dtype);
  for (const RangeRule& rule : ranges)
    QTK_CHECK(std::isfinite(rule.low) && std::isfinite(rule.high) && rule.low <= rule.high, ValueError,
              "[quantize] range of \"{}\", was [{}, {}], expected finite numbers in order", rule.match, rule.low,
              rule.high);
  for (const LayerRule& rule : layers) {
    QTK_CHECK(!rule.match.empty(), ValueError, "[quantize] rule for layers, had no match, expected a pattern of names");
    QTK_CHECK(
        !rule.method.empty() || !rule.quantize_granularity.empty() || rule.group_size != 0, ValueError,
        "[quantize] rule for layers \"{}\", had nothing to set, expected method, quantize_granularity or group_size",
        rule.match);
    const std::string key = fmt::format("rule for layers \"{}\":", rule.match);
    if (!rule.method.empty())
      check_choice(key + " method", rule.method, {"static", "dynamic", "dynamic_decay", "weight_only", "float32"});
    if (!rule.quantize_granularity.empty())
      check_choice(key + " quantize_granularity", rule.quantize_granularity, kGranularities);
    QTK_CHECK(rule.group_size >= 0, ValueError, "[quantize] {} group_size, was {}, expected >= 1", key,
              rule.group_size);
  }
  for (const std::string& correction : corrections)
    check_choice("corrections", correction, {"equalization", "scale_migration", "learned_rounding", "bias_correction"});
}

int QuantizationConfig::activation_bits() const { return quantized_dtype == "int16" ? 16 : 8; }

int QuantizationConfig::input_bits() const {
  if (input_dtype == "float32") return 0;
  if (input_dtype == "auto") return activation_bits();
  return input_dtype == "int16" ? 16 : 8;
}

int64_t QuantizationConfig::bits_of_weights() const { return quantized_dtype == "int4" ? 4 : weight_bits; }

std::string QuantizationConfig::default_method() const {
  if (method != "auto") return method;
  return calib_mode == "none" ? "dynamic" : "static";
}

bool matches_pattern(std::string_view text, std::string_view pattern) {
  // Greedy with one point of return: the last star.
  size_t t = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++t, ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace quantick::quant
