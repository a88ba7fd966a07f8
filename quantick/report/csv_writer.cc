#include "quantick/report/csv_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <string_view>
#include <utility>

#include "quantick/core/file.h"
#include "quantick/report/derive.h"

namespace quantick::report {
namespace {

/// Builds one file, cell by cell.
class Csv {
 public:
  Csv(std::string name, std::vector<std::string> header) : name_(std::move(name)) {
    for (const std::string& column : header) cell(column);
    end_row();
  }
  Csv& cell(std::string_view text) {
    separate();
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
      text_ += text;
      return *this;
    }
    text_ += '"';
    for (const char c : text) {
      if (c == '"') text_ += '"';
      text_ += c;
    }
    text_ += '"';
    return *this;
  }
  Csv& cell(double value) {
    separate();
    if (std::isfinite(value)) text_ += fmt::format("{}", value);  // shortest text that reads back to the same bits
    return *this;
  }
  Csv& cell(int64_t value) {
    separate();
    text_ += fmt::format("{}", value);
    return *this;
  }
  Csv& cell(const Estimate& e) { return cell(e.value).cell(e.low).cell(e.high).cell(e.observations); }
  void end_row() {
    text_ += '\n';
    first_ = true;
  }
  CsvFile file() && { return {std::move(name_), std::move(text_)}; }

 private:
  void separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  std::string name_;
  std::string text_;
  bool first_ = true;
};

using Files = std::vector<CsvFile>;

void add_metrics(Files& files, const ReportData& data) {
  if (data.metrics.empty() || data.strategies.empty()) return;
  Csv csv("metrics.csv", {"strategy", "metric", "convention", "value", "low", "high", "observations"});
  for (const Strategy& strategy : data.strategies) {
    for (size_t m = 0; m < data.metrics.size(); ++m) {
      csv.cell(strategy.key).cell(data.metrics[m].key).cell(data.metrics[m].convention).cell(strategy.values[m]);
      csv.end_row();
    }
  }
  files.push_back(std::move(csv).file());
}

void add_panel(Files& files, std::string name, const Panel& panel) {
  if (panel.dates.empty() || panel.lines.empty()) return;
  std::vector<std::string> header{"date"};
  for (const Line& line : panel.lines) header.push_back(line.key);
  Csv csv(std::move(name), std::move(header));
  for (size_t i = 0; i < panel.dates.size(); ++i) {
    csv.cell(panel.dates[i]);
    for (const Line& line : panel.lines) csv.cell(line.values[i]);
    csv.end_row();
  }
  files.push_back(std::move(csv).file());
}

void add_monthly(Files& files, const Panel& equity) {
  if (equity.dates.empty() || equity.lines.empty()) return;
  Csv csv("monthly_returns.csv",
          {"strategy", "year", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "total"});
  for (const Line& line : equity.lines) {
    for (const YearRow& row : monthly_returns(equity.dates, line.values)) {
      csv.cell(line.key).cell(int64_t{row.year});
      for (const double month : row.months) csv.cell(month);
      csv.cell(row.total).end_row();
    }
  }
  files.push_back(std::move(csv).file());
}

void add_costs(Files& files, const std::vector<CostRow>& rows) {
  if (rows.empty()) return;
  Csv csv("costs.csv", {"strategy", "gross", "commission", "slippage", "borrow", "net"});
  for (const CostRow& row : rows) {
    csv.cell(row.key).cell(row.gross).cell(row.commission).cell(row.slippage).cell(row.borrow).cell(row.net);
    csv.end_row();
  }
  files.push_back(std::move(csv).file());
}

void add_decay(Files& files, const IcDecay& decay) {
  if (decay.lines.empty()) return;
  Csv csv("ic_decay.csv", {"strategy", "horizon", "value", "low", "high", "observations"});
  for (const EstimateLine& line : decay.lines) {
    for (size_t h = 0; h < decay.horizons.size(); ++h) {
      csv.cell(line.key).cell(decay.horizons[h]).cell(line.values[h]).end_row();
    }
  }
  files.push_back(std::move(csv).file());
}

void add_quantiles(Files& files, const Quantiles& quantiles) {
  if (!quantiles.lines.empty()) {
    Csv csv("quantiles.csv", {"strategy", "quantile", "value", "low", "high", "observations"});
    for (const EstimateLine& line : quantiles.lines) {
      for (size_t q = 0; q < line.values.size(); ++q) {
        csv.cell(line.key).cell(static_cast<int64_t>(q + 1)).cell(line.values[q]).end_row();
      }
    }
    files.push_back(std::move(csv).file());
  }
  add_panel(files, "quantiles_cumulative.csv", quantiles.cumulative);
}

void add_paired_rows(Csv& csv, const std::string& period, const std::vector<PairedMetric>& metrics) {
  for (const PairedMetric& m : metrics) {
    csv.cell(period).cell(m.key).cell(m.convention).cell(m.float32).cell(m.int8).cell(m.difference).cell(m.low);
    csv.cell(m.high).cell(m.observations).end_row();
  }
}

void add_paired(Files& files, const Paired& paired) {
  if (paired.metrics.empty() && paired.years.empty()) return;
  Csv csv("paired.csv",
          {"period", "metric", "convention", "float32", "int8", "difference", "low", "high", "observations"});
  add_paired_rows(csv, "all", paired.metrics);
  for (const PairedYear& year : paired.years) add_paired_rows(csv, std::to_string(year.year), year.metrics);
  files.push_back(std::move(csv).file());
}

void add_calibration(Files& files, const std::vector<CalibrationTensor>& tensors) {
  if (tensors.empty()) return;
  Csv ranges("calibration.csv", {"tensor", "observer", "bits", "range_low", "range_high", "scale", "zero_point"});
  Csv bins("calibration_bins.csv", {"tensor", "bin", "low", "high", "count"});
  for (const CalibrationTensor& t : tensors) {
    ranges.cell(t.name).cell(t.observer).cell(int64_t{t.bits}).cell(t.range_low).cell(t.range_high);
    ranges.cell(t.scale).cell(t.zero_point).end_row();
    const double width = (t.bins_high - t.bins_low) / static_cast<double>(t.counts.size());
    for (size_t b = 0; b < t.counts.size(); ++b) {
      const double low = t.bins_low + width * static_cast<double>(b);
      bins.cell(t.name).cell(static_cast<int64_t>(b)).cell(low).cell(low + width).cell(t.counts[b]).end_row();
    }
  }
  files.push_back(std::move(ranges).file());
  files.push_back(std::move(bins).file());
}

void add_layers(Files& files, const std::vector<LayerError>& layers) {
  if (layers.empty()) return;
  Csv csv("layers.csv", {"name", "kind", "dtype", "sqnr_db", "cosine", "saturation", "own_sqnr_db", "dead_zone",
                         "kept_in_float", "reason"});
  for (const LayerError& layer : layers) {
    csv.cell(layer.name).cell(layer.kind).cell(layer.dtype).cell(layer.sqnr_db).cell(layer.cosine);
    csv.cell(layer.saturation)
        .cell(layer.own_sqnr_db)
        .cell(layer.dead_zone)
        .cell(int64_t{layer.kept_in_float})
        .cell(layer.reason)
        .end_row();
  }
  files.push_back(std::move(csv).file());
}

void add_training(Files& files, const std::vector<Training>& runs) {
  if (runs.empty()) return;
  Csv csv("training.csv", {"run", "epoch", "train_loss", "valid_loss", "valid_ic"});
  const auto at = [](const std::vector<double>& values, size_t i) { return i < values.size() ? values[i] : kMissing; };
  for (const Training& run : runs) {
    for (size_t e = 0; e < run.train_loss.size(); ++e) {
      csv.cell(run.label).cell(static_cast<int64_t>(e + 1)).cell(run.train_loss[e]);
      csv.cell(at(run.valid_loss, e)).cell(at(run.valid_ic, e)).end_row();
    }
  }
  files.push_back(std::move(csv).file());
}

void add_timings(Files& files, const std::vector<Timing>& timings) {
  if (timings.empty()) return;
  Csv csv("timings.csv", {"stage", "seconds"});
  for (const Timing& timing : timings) csv.cell(timing.name).cell(timing.seconds).end_row();
  files.push_back(std::move(csv).file());
}

}  // namespace

std::vector<CsvFile> to_csvs(const ReportData& data) {
  validate(data);
  Files files;
  add_metrics(files, data);
  add_panel(files, "equity.csv", data.equity);
  add_panel(files, "drawdown.csv", drawdown(data.equity));
  add_monthly(files, data.equity);
  add_panel(files, "gross_net.csv", data.gross_net);
  add_costs(files, data.costs);
  add_panel(files, "ic.csv", data.ic);
  add_panel(files, "rank_ic.csv", data.rank_ic);
  add_decay(files, data.ic_decay);
  add_quantiles(files, data.quantiles);
  add_panel(files, "turnover.csv", data.turnover);
  add_panel(files, "exposure.csv", data.exposure);
  add_paired(files, data.paired);
  add_calibration(files, data.calibration);
  add_layers(files, data.layers);
  add_training(files, data.training);
  add_timings(files, data.timings);
  return files;
}

std::vector<std::string> write_csvs(const ReportData& data, const std::string& folder) {
  const Files files = to_csvs(data);  // all texts exist before the first file is touched
  std::vector<std::string> paths;
  for (const CsvFile& file : files) {
    paths.push_back((std::filesystem::path(folder) / file.name).string());
    write_file(paths.back(), file.text);
  }
  return paths;
}

}  // namespace quantick::report
