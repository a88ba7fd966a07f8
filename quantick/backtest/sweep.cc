#include "quantick/backtest/sweep.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "quantick/backtest/inference.h"
#include "quantick/backtest/metrics.h"
#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/drawdown.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {
namespace {

/// Settings between two looks at Ctrl-C and two calls of progress: about a second's work on daily data.
constexpr int64_t kBatch = 128;

struct Outcome {
  SweepRow row;
  risk::Moments moments{};
};

Outcome outcome_of(const BacktestResult& result, double periods) {
  const auto& returns = result.net_return;
  const auto mean = [&](const std::vector<double>& series) { return risk::mean(series); };
  Outcome out;
  out.row.annual_return = annual_return(returns, periods);
  out.row.annual_volatility = annual_volatility(returns, periods);
  out.row.sharpe = sharpe(returns, periods);
  const MeanEstimate interval = sharpe_interval(out.row.sharpe, returns, periods);
  out.row.sharpe_low = interval.low;
  out.row.sharpe_high = interval.high;
  out.row.max_drawdown = risk::max_drawdown(returns);
  out.row.turnover = mean(result.turnover);
  out.row.costs = (mean(result.commission) + mean(result.slippage) + mean(result.borrow)) * periods;
  out.row.trades = result.trade_count;
  out.row.blocked = result.blocked_no_price + result.blocked_limit + result.blocked_volume;
  out.row.ruined = result.ruined.has_value();
  out.moments = risk::moments(returns);
  return out;
}

void check_setting(const SweepSetting& setting, size_t index, const std::vector<std::string>& instruments) {
  try {
    strategy::make_strategy(setting.strategy, instruments);
    check_options(setting.backtest);
  } catch (const ValueError& error) {
    fail<ValueError>("[sweep] setting {}: {}", index, error.what());
  }
}

}  // namespace

SweepResult run_sweep(const BacktestInputs& inputs, std::span<const SweepSetting> settings,
                      const SweepOptions& options) {
  QTK_CHECK(!settings.empty(), ValueError, "[sweep] settings, were none, expected at least one");
  QTK_CHECK(options.trials_before >= 0, ValueError, "[sweep] trials_before, was {}, expected >= 0",
            options.trials_before);
  QTK_CHECK(std::isfinite(options.periods_per_year) && options.periods_per_year > 0, ValueError,
            "[sweep] periods_per_year, was {}, expected above 0", options.periods_per_year);
  QTK_CHECK(inputs.bar_count() >= 4, ValueError, "[sweep] bars, were {}, expected 4 or more", inputs.bar_count());
  for (size_t i = 0; i < settings.size(); ++i) check_setting(settings[i], i, inputs.instruments());

  std::vector<Outcome> outcomes(settings.size());
  const auto count = static_cast<int64_t>(settings.size());
  for (int64_t begin = 0; begin < count; begin += kBatch) {
    check_interrupt();
    const int64_t end = std::min(begin + kBatch, count);
    parallel_for(end - begin, [&](int64_t chunk) {
      const auto i = static_cast<size_t>(begin + chunk);
      outcomes[i] = outcome_of(run_backtest(inputs, settings[i].strategy, settings[i].backtest, Record::series),
                               options.periods_per_year);
    });
    if (options.progress) options.progress(end);
  }

  SweepResult result;
  result.observations = inputs.bar_count() - 1;
  result.trials = count + options.trials_before;
  const double per_year = std::sqrt(options.periods_per_year);
  std::vector<double> sharpes;  // per period
  for (const Outcome& outcome : outcomes) {
    if (std::isfinite(outcome.row.sharpe)) sharpes.push_back(outcome.row.sharpe / per_year);
    if (std::isfinite(outcome.row.sharpe) &&
        (result.best < 0 || outcome.row.sharpe > outcomes[static_cast<size_t>(result.best)].row.sharpe))
      result.best = &outcome - outcomes.data();
  }
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  const double largest = sharpes.size() >= 2  ? expected_max_sharpe(result.trials, risk::variance(sharpes))
                         : result.trials == 1 ? 0
                                              : kUnknown;
  result.expected_max_sharpe = largest * per_year;
  for (Outcome& outcome : outcomes) {
    outcome.row.deflated_sharpe = std::isfinite(outcome.row.sharpe)
                                      ? probabilistic_sharpe(outcome.row.sharpe / per_year, outcome.moments.skewness,
                                                             outcome.moments.kurtosis, result.observations, largest)
                                      : kUnknown;
    result.rows.push_back(outcome.row);
  }
  return result;
}

}  // namespace quantick::backtest
