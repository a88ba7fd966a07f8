#include "quantick/report/quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace quantick::report {
namespace {

std::string kind_of(std::string op) {
  if (op == "lstm") return "LSTM";
  std::replace(op.begin(), op.end(), '_', ' ');
  if (!op.empty()) op[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(op[0])));
  return op.empty() ? "Input" : op;
}

/// "int6": 6; of floats those of their storage, float32.
int bits_of(const std::string& dtype) { return dtype.starts_with("int") ? std::stoi(dtype.substr(3)) : 32; }

}  // namespace

void add_quantization(const quant::QuantizationConfig& config, const quant::QuantizationReport& q, ReportData& out) {
  for (const auto& t : q.tensors) {
    const auto reason = std::find_if(q.float_nodes.begin(), q.float_nodes.end(),
                                     [&](const auto& node) { return t.method == "float32" && t.name == node.name; });
    const bool kept = reason != q.float_nodes.end();
    out.layers.push_back({.name = t.name,
                          .kind = kind_of(t.op),
                          .dtype = t.dtype,
                          .sqnr_db = t.sqnr_db,
                          .cosine = t.cosine,
                          .saturation = t.saturation,
                          .own_sqnr_db = t.own_sqnr_db,
                          .dead_zone = t.dead_zone,
                          .kept_in_float = kept,
                          .reason = kept ? reason->reason : ""});
    if (!t.histogram.empty())
      out.calibration.push_back({.name = t.name,
                                 .observer = config.calib_mode,
                                 .bins_low = t.histogram_low,
                                 .bins_high = t.histogram_high,
                                 .counts = std::vector<double>(t.histogram.begin(), t.histogram.end()),
                                 .range_low = t.low,
                                 .range_high = t.high,
                                 .scale = t.scale,
                                 .zero_point = t.zero_point,
                                 .bits = bits_of(t.dtype)});
  }
  out.quantization.push_back(
      {"Method", fmt::format("{}, quantized_dtype {}, weights of {} bits, {}", config.default_method(),
                             config.quantized_dtype, config.bits_of_weights(), config.quantize_granularity)});
  out.quantization.push_back({"Calibration", fmt::format("{}, {} samples", config.calib_mode, q.calibration_rows)});
  out.quantization.push_back({"Compared on", fmt::format("{} samples", q.compared_rows)});
  out.quantization.push_back(
      {"Parameters", fmt::format("{} bytes in float32, {} bytes in the program", q.float_bytes, q.program_bytes)});
  for (const auto& note : q.corrections)
    out.quantization.push_back({note.correction, note.skipped ? fmt::format("{}: {}", note.layer, note.what)
                                                              : fmt::format("{}: {} {:.4g}, before {:.4g}", note.layer,
                                                                            note.what, note.after, note.before)});
  for (const auto& line : q.advice) out.quantization.push_back({"Change first", line});
  for (const auto& line : q.warnings) out.warnings.push_back(line);
}

}  // namespace quantick::report
