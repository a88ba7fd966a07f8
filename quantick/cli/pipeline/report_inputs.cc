// Report sections on what went in and what quantization did.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/cli/pipeline/report_sections.h"

namespace quantick::cli {
namespace {

std::string kind_of(std::string op) {
  if (op == "lstm") return "LSTM";
  std::replace(op.begin(), op.end(), '_', ' ');
  if (!op.empty()) op[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(op[0])));
  return op.empty() ? "Input" : op;
}

}  // namespace

std::string summary_text(const RunConfig& config, const RunResults& results) {
  const auto& panel = *results.panel;
  const auto& e = *results.evaluation;
  const auto& d = config.dataset;
  std::string out = fmt::format("{} instruments of {}. ", panel.instrument_count(), config.data.name);
  if (results.quantization != nullptr || results.history != nullptr)
    out += fmt::format("A network ({}) was trained on {} to {}, chosen on {} to {}, and never saw what came after. ",
                       config.model.name, d.train.from.to_string(), d.train.to.to_string(), d.valid.from.to_string(),
                       d.valid.to.to_string());
  const auto& dates = e.contenders.front().result.dates;
  out += fmt::format(
      "From {} to {} its scores were traded by {} {}, with commission of {:g} and slippage of "
      "{:g} basis points",
      dates.front().to_string(), dates.back().to_string(), config.strategy.name,
      e.contenders.front().result.looks_ahead ? "at the close they were made from, which looks ahead"
      : config.backtest.delay_bars == 1       ? "at the bar after the signal"
                                              : fmt::format("{} bars after the signal", config.backtest.delay_bars),
      config.backtest.commission_bps, config.backtest.slippage_bps);
  if (e.comparison)
    out += "; float32 and int8 on the same days, names and costs, beside a ridge regression and equal weight";
  return out + ".";
}

void fill_quantization(const RunConfig& config, const quant::QuantizationReport& q, report::ReportData& out) {
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
                                 .observer = config.quantize.calib_mode,
                                 .bins_low = t.histogram_low,
                                 .bins_high = t.histogram_high,
                                 .counts = std::vector<double>(t.histogram.begin(), t.histogram.end()),
                                 .range_low = t.low,
                                 .range_high = t.high,
                                 .scale = t.scale,
                                 .zero_point = t.zero_point,
                                 .bits = integer_bits(t.dtype) > 0 ? integer_bits(t.dtype) : 32});
  }
  out.quantization.push_back(
      {"Method", fmt::format("{}, quantized_dtype {}, weights of {} bits, {}", config.quantize.default_method(),
                             config.quantize.quantized_dtype, config.quantize.bits_of_weights(),
                             config.quantize.quantize_granularity)});
  out.quantization.push_back(
      {"Calibration", fmt::format("{}, {} windows", config.quantize.calib_mode, q.calibration_rows)});
  out.quantization.push_back({"Compared on", fmt::format("{} windows of the validation dates", q.compared_rows)});
  out.quantization.push_back(
      {"Parameters", fmt::format("{} bytes in float32, {} bytes in the program", q.float_bytes, q.program_bytes)});
  for (const auto& note : q.corrections)
    out.quantization.push_back({note.correction, note.skipped ? fmt::format("{}: {}", note.layer, note.what)
                                                              : fmt::format("{}: {} {:.4g}, before {:.4g}", note.layer,
                                                                            note.what, note.after, note.before)});
  for (const auto& line : q.advice) out.quantization.push_back({"Change first", line});
  for (const auto& line : q.warnings) out.warnings.push_back(line);
}

void fill_training(const RunConfig& config, const train::History& history, report::ReportData& out) {
  report::Training t{.label = config.model.name, .best_epoch = history.best_epoch, .loss = config.train.loss.name};
  for (const auto& epoch : history.epochs) {
    t.train_loss.push_back(epoch.train_loss);
    t.valid_loss.push_back(epoch.validation_loss);
    t.valid_ic.push_back(epoch.validation_ic);
  }
  out.training.push_back(std::move(t));
}

void fill_data(const RunConfig& config, const RunResults& results, report::ReportData& out) {
  const auto& panel = *results.panel;
  report::DataSource source{.name = config.data.name,
                            .sha256 = panel.source.sha256,
                            .format = "CSV, " + panel.source.layout,
                            .rows = panel.date_count(),
                            .instruments = panel.instrument_count(),
                            .from = panel.dates.front().to_string(),
                            .to = panel.dates.back().to_string(),
                            .inferred = results.notes,
                            .survivorship = config.data.survivorship,
                            .dividends = config.data.dividends,
                            .splits = config.data.splits,
                            .origin = config.data.origin};
  for (const auto& field : panel.field_names) {
    const auto values = panel.field(field);
    source.missing.push_back({"missing cells, " + field,
                              std::count_if(values.begin(), values.end(), [](double v) { return std::isnan(v); })});
  }
  for (const auto& [name, cells] : panel.source.filled) source.missing.push_back({"filled forward, " + name, cells});
  out.data.push_back(std::move(source));
}

}  // namespace quantick::cli
