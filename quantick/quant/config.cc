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

/// `later`: values of this key that other versions have.
void check_choice(std::string_view key, const std::string& was, const Names& available, const Names& later) {
  if (std::find(available.begin(), available.end(), was) != available.end()) return;
  QTK_CHECK(std::find(later.begin(), later.end(), was) == later.end(), UnsupportedError,
            "[quantize] {} \"{}\" is not in this version; available: {}", key, was, joined(available));
  const std::string near = nearest_name(was, available);
  fail<ValueError>("[quantize] {}, was \"{}\", expected one of {}{}", key, was, joined(available),
                   near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace

void QuantizationConfig::validate() const {
  QTK_CHECK(calib_mode != "none", UnsupportedError,
            "[quantize] calib_mode \"none\": dynamic quantization is not in this version; pass calibration data and "
            "choose one of {}",
            joined(observer_names()));
  check_choice("quantized_dtype", quantized_dtype, {"auto", "int8", "int16"}, {"uint8", "int4"});
  check_choice("calib_mode", calib_mode, observer_names(), {"entropy", "custom", "mse"});
  check_choice("quantize_mode", quantize_mode, {"full"}, {"smart"});
  check_choice("quantize_granularity", quantize_granularity, {"channel-wise"}, {"tensor-wise", "group-wise"});
  check_choice("input_dtype", input_dtype, {"auto", "int8", "int16"}, {"float32"});
  check_choice("output_dtype", output_dtype, {"float32", "int16"}, {});
  runtime::missing_policy_from_name(missing);
  QTK_CHECK(weight_bits >= 2 && weight_bits <= 8, ValueError, "[quantize] weight_bits, was {}, expected 2..8",
            weight_bits);
  QTK_CHECK(percentile > 50 && percentile <= 100, ValueError, "[quantize] percentile, was {}, expected 50 < p <= 100",
            percentile);
  QTK_CHECK(std::isfinite(fill_value), ValueError, "[quantize] fill_value, was {}, expected a finite number",
            fill_value);
}

DType QuantizationConfig::activation_dtype() const { return quantized_dtype == "int16" ? DType::i16 : DType::i8; }

DType QuantizationConfig::input_activation_dtype() const {
  if (input_dtype == "auto") return activation_dtype();
  return input_dtype == "int16" ? DType::i16 : DType::i8;
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
