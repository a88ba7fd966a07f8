#pragma once
// Many strategies and costs on one set of scores: what each would have earned, and what the best of so many is worth.
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "quantick/backtest/engine.h"

namespace quantick::backtest {

struct SweepSetting {
  strategy::StrategyOptions strategy;
  BacktestOptions backtest;
};

struct SweepOptions {
  double periods_per_year = 252;
  /// Settings tried on these scores and dates before this sweep; they count as trials too.
  int64_t trials_before = 0;
  /// Called by the sweep's own thread, between batches of settings.
  std::function<void(int64_t done)> progress;
};

/// One setting, by the conventions of metrics.h; NaN where a metric is undefined.
struct SweepRow {
  double annual_return = 0;
  double annual_volatility = 0;
  double sharpe = 0;                       ///< annual
  double sharpe_low = 0, sharpe_high = 0;  ///< its 95 % interval as if it were the only trial
  double max_drawdown = 0;
  double turnover = 0;  ///< mean per bar, buys and sales, share of equity
  double costs = 0;     ///< commission, slippage and borrowing a year, share of equity
  int64_t trades = 0;
  int64_t blocked = 0;  ///< orders that a bar could not fill, or not wholly
  bool ruined = false;
  /// Probability that the Sharpe ratio is above what the best of all trials would show were none worth anything.
  double deflated_sharpe = 0;
};

struct SweepResult {
  std::vector<SweepRow> rows;  ///< in the order of the settings
  int64_t observations = 0;    ///< bars of each
  int64_t trials = 0;          ///< settings, and those before
  /// Annual: of the best of so many worthless trials that scatter as these do. NaN where fewer than two of several
  /// trials tell how they scatter, and then every deflated_sharpe is.
  double expected_max_sharpe = 0;
  int64_t best = -1;  ///< the setting of the largest Sharpe ratio, the first of equals; -1: none has one
};

/// Runs every setting with run_backtest(), in parallel; the numbers have the same bits for any number of threads. All
/// settings are checked before the first runs. Throws ValueError that names the setting, InterruptedError after Ctrl-C
/// (core/interrupt.h).
SweepResult run_sweep(const BacktestInputs& inputs, std::span<const SweepSetting> settings,
                      const SweepOptions& options = {});

}  // namespace quantick::backtest
