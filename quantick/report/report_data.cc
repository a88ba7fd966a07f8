#include "quantick/report/report_data.h"

#include <set>
#include <string_view>

#include "quantick/core/error.h"

namespace quantick::report {
namespace {

/// Collects the keys of one section and refuses the second of a pair, which would overwrite the first in JSON.
class Keys {
 public:
  explicit Keys(std::string_view section) : section_(section) {}
  void add(const std::string& key) {
    QTK_CHECK(!key.empty(), ValueError, "[report] {}: key, was empty, expected a name", section_);
    QTK_CHECK(seen_.insert(key).second, ValueError, "[report] {}: key \"{}\" appears twice", section_, key);
  }

 private:
  std::string_view section_;
  std::set<std::string> seen_;
};

void check_size(std::string_view section, const std::string& key, size_t was, size_t expected, std::string_view of) {
  QTK_CHECK(was == expected, ValueError, "[report] {}: values of \"{}\", was {}, expected {} ({})", section, key, was,
            expected, of);
}

void check_panel(std::string_view section, const Panel& panel) {
  for (size_t i = 1; i < panel.dates.size(); ++i) {
    QTK_CHECK(panel.dates[i - 1] < panel.dates[i], ValueError,
              "[report] {}: dates, was {} after {}, expected ascending", section, panel.dates[i], panel.dates[i - 1]);
  }
  Keys keys(section);
  for (const Line& line : panel.lines) {
    keys.add(line.key);
    check_size(section, line.key, line.values.size(), panel.dates.size(), "its dates");
  }
}

void check_paired(std::string_view section, const std::vector<PairedMetric>& metrics) {
  Keys keys(section);
  for (const PairedMetric& metric : metrics) keys.add(metric.key);
}

void check_curve(const Training& training, std::string_view name, const std::vector<double>& values) {
  QTK_CHECK(values.empty() || values.size() == training.train_loss.size(), ValueError,
            "[report] training \"{}\": {}, was {} epochs, expected {} (its training loss)", training.label, name,
            values.size(), training.train_loss.size());
}

}  // namespace

void validate(const ReportData& data) {
  Keys metrics("metrics");
  for (const MetricSpec& metric : data.metrics) metrics.add(metric.key);
  Keys strategies("strategies");
  for (const Strategy& strategy : data.strategies) {
    strategies.add(strategy.key);
    check_size("strategies", strategy.key, strategy.values.size(), data.metrics.size(), "metrics");
  }
  check_panel("equity", data.equity);
  check_panel("gross_net", data.gross_net);
  check_panel("ic", data.ic);
  check_panel("rank_ic", data.rank_ic);
  check_panel("turnover", data.turnover);
  check_panel("exposure", data.exposure);
  check_panel("quantiles.cumulative", data.quantiles.cumulative);
  Keys costs("costs");
  for (const CostRow& row : data.costs) costs.add(row.key);
  Keys decay("ic_decay");
  for (const EstimateLine& line : data.ic_decay.lines) {
    decay.add(line.key);
    check_size("ic_decay", line.key, line.values.size(), data.ic_decay.horizons.size(), "horizons");
  }
  Keys quantiles("quantiles");
  for (const EstimateLine& line : data.quantiles.lines) {
    quantiles.add(line.key);
    check_size("quantiles", line.key, line.values.size(), data.quantiles.lines.front().values.size(),
               "those of the first line");
  }
  check_paired("paired", data.paired.metrics);
  std::set<int> years;
  for (const PairedYear& year : data.paired.years) {
    QTK_CHECK(years.insert(year.year).second, ValueError, "[report] paired: year {} appears twice", year.year);
    check_paired("paired per year", year.metrics);
  }
  for (const Training& training : data.training) {
    check_curve(training, "validation loss", training.valid_loss);
    check_curve(training, "validation IC", training.valid_ic);
  }
  Keys timings("timings");
  for (const Timing& timing : data.timings) timings.add(timing.name);
  for (const CalibrationTensor& tensor : data.calibration) {
    QTK_CHECK(tensor.counts.empty() || tensor.bins_low <= tensor.bins_high, ValueError,
              "[report] calibration \"{}\": bins, was [{}, {}], expected low <= high", tensor.name, tensor.bins_low,
              tensor.bins_high);
  }
}

}  // namespace quantick::report
