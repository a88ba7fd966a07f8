#pragma once
// Fourth stage: the same strategy, days and costs for the network in float32 and int8 and for its baselines.
#include <optional>
#include <string>
#include <vector>

#include "quantick/backtest/compare.h"
#include "quantick/backtest/engine.h"
#include "quantick/backtest/ridge.h"
#include "quantick/backtest/signal_metrics.h"
#include "quantick/cli/pipeline/data_stage.h"
#include "quantick/report/report_data.h"
#include "quantick/strategy/scores.h"

namespace quantick::cli {

/// One column of the verdict.
struct Contender {
  std::string key;
  std::string label;
  report::Role role = report::Role::kOther;
  strategy::ScoreMatrix scores;  ///< empty for equal weight, which has no opinion
  backtest::BacktestResult result;
  std::vector<double> ic, rank_ic;  ///< by date of `scores`
};

struct Evaluation {
  std::vector<Contender> contenders;
  strategy::ScoreMatrix labels;                    ///< in the network's unit
  strategy::ScoreMatrix forward_returns;           ///< plain, horizon as the label's
  std::optional<backtest::Comparison> comparison;  ///< float32 against int8, where both are there
  double label_deviation = 0;
  std::vector<double> benchmark_returns;  ///< on the dates of the results; empty where none was given
  std::vector<backtest::RidgeTrial> ridge_trials;
  int64_t trials = 0;  ///< all that were tried, for the deflated Sharpe ratio
  const Contender* find(std::string_view key) const;
};

/// Scores of a ridge regression on the newest step's features, lambda chosen on the validation segment.
strategy::ScoreMatrix score_ridge(const PreparedData& data, std::vector<backtest::RidgeTrial>& trials);

/// Backtests float32 and int8 scores, ridge and equal weight, and compares the first two.
Evaluation evaluate(const RunConfig& config, const PreparedData& data, strategy::ScoreMatrix float32,
                    strategy::ScoreMatrix int8);

/// Fills in what follows from contenders that hold scores and results: returns over the label's horizon and the ICs
/// against them, equal weight as one more contender, float32 against int8 where both are there, and the trials.
void complete(Evaluation& evaluation, const RunConfig& config, const market::Panel& panel, bool with_equal_weight);

/// Of a benchmark's price on these dates; 0 where it has none.
std::vector<double> returns_of(const market::Panel& benchmark, const std::vector<market::Date>& dates);

/// Backtests one set of scores, from anywhere, beside equal weight.
Evaluation evaluate_scores(const RunConfig& config, const market::Panel& panel, strategy::ScoreMatrix scores);

}  // namespace quantick::cli
