// Report sections on what went in.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/cli/pipeline/report_sections.h"

namespace quantick::cli {

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
  if (e.comparison) {
    out += "; float32 and int8 on the same days, names and costs";
    std::vector<std::string> baselines;
    for (const auto& c : e.contenders)
      if (c.key == "ridge" || c.key == "equal_weight")
        baselines.push_back(c.key == "ridge" ? "a ridge regression" : "equal weight");
    if (!baselines.empty()) out += fmt::format(", beside {}", fmt::join(baselines, " and "));
  }
  return out + ".";
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
