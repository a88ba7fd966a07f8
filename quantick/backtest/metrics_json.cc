#include "quantick/backtest/metrics_json.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "quantick/backtest/profiles.h"
#include "quantick/backtest/signal_metrics.h"

namespace quantick::backtest {

namespace {

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.17g}", value) : "null"; }

std::string list(const std::vector<double>& values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + number(values[i]);
  return out + "]";
}

std::string summary(const std::vector<double>& series) {
  const SeriesSummary s = summarize(series);
  return fmt::format(R"({{"mean": {}, "deviation": {}, "ratio": {}, "observations": {}}})", number(s.mean),
                     number(s.deviation), number(s.ratio), s.observations);
}

}  // namespace

// Names and conventions are this library's own ASCII without quotes or backslashes, so nothing needs escaping.
std::string metrics_json(std::span<const double> returns, std::span<const double> benchmark, std::string_view profile) {
  const std::vector<Metric> metrics = evaluate_profile(profile, returns, benchmark);
  std::string out =
      fmt::format(R"({{"profile": "{}", "observations": {}, "metrics": {{)", profile, returns.size()) + "\n";
  for (size_t i = 0; i < metrics.size(); ++i) {
    out += fmt::format(R"(  "{}": {{"value": {}, "convention": "{}"}}{})", metrics[i].name, number(metrics[i].value),
                       metrics[i].convention, i + 1 == metrics.size() ? "\n" : ",\n");
  }
  return out + "}}\n";
}

std::string ic_json(const strategy::ScoreMatrix& scores, const strategy::ScoreMatrix& labels) {
  const strategy::ScoreMatrix aligned = align(labels, scores);
  const std::vector<double> ic = information_coefficient(scores, aligned);
  const std::vector<double> rank_ic = rank_information_coefficient(scores, aligned);
  std::string dates;
  for (const market::Date date : scores.dates) dates += (dates.empty() ? "\"" : ", \"") + date.to_string() + "\"";
  return fmt::format(
      "{{\"ic\": {},\n\"rank_ic\": {},\n\"dates\": [{}],\n\"ic_by_date\": {},\n\"rank_ic_by_date\": {}}}\n",
      summary(ic), summary(rank_ic), dates, list(ic), list(rank_ic));
}

}  // namespace quantick::backtest
