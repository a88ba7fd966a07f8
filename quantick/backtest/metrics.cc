#include "quantick/backtest/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/risk/drawdown.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double ratio(double above, double below) { return below > 0 ? above / below : kUndefined; }

}  // namespace

double total_return(std::span<const double> returns) {
  double wealth = 1;
  for (const double r : returns) wealth *= 1 + r;
  return wealth - 1;
}

double annual_return(std::span<const double> returns, double periods) {
  QTK_CHECK(!returns.empty(), ValueError, "[metrics] annual return of an empty series, expected at least one return");
  return std::pow(1 + total_return(returns), periods / static_cast<double>(returns.size())) - 1;
}

double annual_volatility(std::span<const double> returns, double periods) {
  return risk::standard_deviation(returns) * std::sqrt(periods);
}

double sharpe(std::span<const double> returns, double periods, double risk_free) {
  return ratio(risk::mean(returns) - risk_free, risk::standard_deviation(returns)) * std::sqrt(periods);
}

double downside_risk(std::span<const double> returns, double periods, double target) {
  QTK_CHECK(!returns.empty(), ValueError, "[metrics] downside risk of an empty series, expected at least one return");
  double squares = 0;
  for (const double r : returns) squares += std::min(r - target, 0.0) * std::min(r - target, 0.0);
  return std::sqrt(squares / static_cast<double>(returns.size())) * std::sqrt(periods);
}

double sortino(std::span<const double> returns, double periods, double target) {
  return ratio((risk::mean(returns) - target) * periods, downside_risk(returns, periods, target));
}

double calmar(std::span<const double> returns, double periods) {
  return ratio(annual_return(returns, periods), -risk::max_drawdown(returns));
}

double omega(std::span<const double> returns, double threshold) {
  double gains = 0, losses = 0;
  for (const double r : returns) {
    gains += std::max(r - threshold, 0.0);
    losses += std::max(threshold - r, 0.0);
  }
  return ratio(gains, losses);
}

double tail_ratio(std::span<const double> returns) {
  return ratio(std::fabs(risk::quantile(returns, 0.95)), std::fabs(risk::quantile(returns, 0.05)));
}

double stability(std::span<const double> returns) {
  std::vector<double> time, wealth;
  double sum = 0;
  for (size_t t = 0; t < returns.size(); ++t) {
    time.push_back(static_cast<double>(t));
    wealth.push_back(sum += std::log1p(returns[t]));
  }
  const double r = risk::correlation(time, wealth);
  return r * r;
}

double hit_rate(std::span<const double> returns) {
  const auto wins = std::count_if(returns.begin(), returns.end(), [](double r) { return r > 0; });
  const auto moves = std::count_if(returns.begin(), returns.end(), [](double r) { return r != 0; });
  return ratio(static_cast<double>(wins), static_cast<double>(moves));
}

double beta(std::span<const double> returns, std::span<const double> benchmark) {
  return ratio(risk::covariance(returns, benchmark), risk::variance(benchmark));
}

double alpha_per_period(std::span<const double> returns, std::span<const double> benchmark, double risk_free) {
  return risk::mean(returns) - risk_free - beta(returns, benchmark) * (risk::mean(benchmark) - risk_free);
}

double information_ratio(std::span<const double> returns, std::span<const double> benchmark) {
  QTK_CHECK(returns.size() == benchmark.size(), ShapeError,
            "[metrics] {} returns and {} of the benchmark, expected equal lengths", returns.size(), benchmark.size());
  std::vector<double> active;
  for (size_t t = 0; t < returns.size(); ++t) active.push_back(returns[t] - benchmark[t]);
  return ratio(risk::mean(active), risk::standard_deviation(active));
}

double probabilistic_sharpe(double sharpe_per_period, double skewness, double kurtosis, int64_t observations,
                            double benchmark_sharpe) {
  QTK_CHECK(observations >= 2, ValueError, "[metrics] probabilistic Sharpe of {} returns, expected at least 2",
            observations);
  const double sr = sharpe_per_period;
  const double error = std::sqrt(1 - skewness * sr + (kurtosis - 1) / 4 * sr * sr);
  return risk::normal_distribution((sr - benchmark_sharpe) * std::sqrt(static_cast<double>(observations - 1)) / error);
}

double probabilistic_sharpe(std::span<const double> returns, double benchmark_sharpe) {
  const risk::Moments m = risk::moments(returns);
  return probabilistic_sharpe(sharpe(returns, 1), m.skewness, m.kurtosis, static_cast<int64_t>(returns.size()),
                              benchmark_sharpe);
}

double expected_max_sharpe(int64_t trials, double sharpe_variance) {
  QTK_CHECK(trials >= 1, ValueError, "[metrics] trials, was {}, expected >= 1", trials);
  QTK_CHECK(sharpe_variance >= 0, ValueError, "[metrics] variance of the trials' Sharpe ratios, was {}, expected >= 0",
            sharpe_variance);
  if (trials == 1) return 0;
  const double n = static_cast<double>(trials), g = std::numbers::egamma;
  return std::sqrt(sharpe_variance) *
         ((1 - g) * risk::normal_quantile(1 - 1 / n) + g * risk::normal_quantile(1 - 1 / (n * std::numbers::e)));
}

double deflated_sharpe(std::span<const double> returns, int64_t trials, double sharpe_variance) {
  return probabilistic_sharpe(returns, expected_max_sharpe(trials, sharpe_variance));
}

}  // namespace quantick::backtest
