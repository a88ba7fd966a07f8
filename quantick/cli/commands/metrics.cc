// `quantick metrics`: metrics of a series of returns under a tool's conventions, or the IC of scores against labels.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "quantick/backtest/metrics_json.h"
#include "quantick/backtest/signal_metrics.h"
#include "quantick/cli/commands/list.h"
#include "quantick/core/error.h"
#include "quantick/strategy/scores.h"

namespace quantick::cli {
namespace {

struct MetricsOptions {
  std::string returns, benchmark, profile = "empyrical", scores, labels;
};

int print_metrics(const MetricsOptions& options) {
  const bool ic = !options.scores.empty() || !options.labels.empty();
  QTK_CHECK(ic != !options.returns.empty(), ValueError, "[metrics] give either --returns, or --scores and --labels");
  std::string text;
  if (ic) {
    QTK_CHECK(!options.scores.empty() && !options.labels.empty(), ValueError,
              "[metrics] --scores and --labels go together");
    const auto scores = strategy::read_scores(options.scores);
    const auto labels = backtest::align(strategy::read_scores(options.labels), scores);
    QTK_CHECK(std::any_of(labels.values.begin(), labels.values.end(), [](double v) { return std::isfinite(v); }),
              ValueError, "[metrics] {} and {} share no date and instrument", options.scores, options.labels);
    text = backtest::ic_json(scores, labels);
  } else {
    const auto returns = strategy::read_scores(options.returns);
    strategy::ScoreMatrix benchmark;
    if (!options.benchmark.empty()) benchmark = strategy::read_scores(options.benchmark);
    QTK_CHECK(returns.instrument_count() == 1 && benchmark.instrument_count() <= 1, ValueError,
              "[metrics] columns beside the date, was {}, expected one series of returns", returns.instrument_count());
    for (size_t t = 0; t < returns.dates.size(); ++t)
      QTK_CHECK(returns.values[t] >= -1, ValueError,
                "[metrics] {}: return of {}, was {}, expected -1 (all is lost) or more; are these prices?",
                options.returns, returns.dates[t].to_string(), returns.values[t]);
    text = backtest::metrics_json(returns.values, benchmark.values, options.profile);
  }
  std::fputs((text + "\n").c_str(), stdout);
  return 0;
}

}  // namespace

Command metrics_command() {
  return {"metrics", "Metrics of returns under a library's conventions, or the IC of scores, as JSON",
          [](Options& options) {
            auto chosen = std::make_shared<MetricsOptions>();
            options.option("--returns", chosen->returns, "CSV: date and one column of returns per period");
            options.option("--benchmark", chosen->benchmark,
                           "CSV of the same form, for beta and the information ratio");
            options.option("--profile", chosen->profile, "empyrical, quantstats, qlib, lean or vnpy");
            options.option("--scores", chosen->scores, "CSV of scores, long or wide");
            options.option("--labels", chosen->labels, "CSV of what came after, long or wide");
            options.footer(
                "Examples:\n  quantick metrics --returns returns.csv --profile qlib\n"
                "  quantick metrics --scores scores.csv --labels returns_next_week.csv");
            return [chosen] { return print_metrics(*chosen); };
          }};
}

}  // namespace quantick::cli
