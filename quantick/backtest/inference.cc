#include "quantick/backtest/inference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {
namespace {

/// Two-sided 95 % of the normal distribution.
constexpr double kNormal95 = 1.959964;

}  // namespace

double MeanEstimate::standard_error() const { return (high - low) / (2 * kNormal95); }

MeanEstimate newey_west_mean(std::span<const double> series, int64_t lags_plus_one) {
  QTK_CHECK(lags_plus_one >= 1, ValueError, "[newey_west_mean] lags_plus_one, was {}, expected 1 or more",
            lags_plus_one);
  std::vector<double> x;
  for (const double v : series)
    if (std::isfinite(v)) x.push_back(v);
  MeanEstimate out{.observations = static_cast<int64_t>(x.size())};
  if (x.size() < 3) return out;
  const auto n = static_cast<double>(x.size());
  double mean = 0;
  for (const double v : x) mean += v / n;
  double variance = 0;
  for (size_t lag = 0; lag < std::min(x.size(), static_cast<size_t>(lags_plus_one)); ++lag) {
    double covariance = 0;
    for (size_t i = lag; i < x.size(); ++i) covariance += (x[i] - mean) * (x[i - lag] - mean) / n;
    variance += covariance * (lag == 0 ? 1 : 2 * (1 - static_cast<double>(lag) / static_cast<double>(lags_plus_one)));
  }
  const double error = kNormal95 * std::sqrt(std::max(variance, 0.0) / n);
  out.value = mean;
  out.low = mean - error;
  out.high = mean + error;
  return out;
}

MeanEstimate sharpe_interval(double annual_sharpe, std::span<const double> returns, double periods) {
  QTK_CHECK(periods > 0, ValueError, "[sharpe_interval] periods a year, was {}, expected above 0", periods);
  MeanEstimate out{.value = annual_sharpe, .observations = static_cast<int64_t>(returns.size())};
  // Rounding can leave a constant series with a tiny variance, so it is recognized by its values.
  const bool constant = std::all_of(returns.begin(), returns.end(), [&](double r) { return r == returns[0]; });
  if (returns.size() < 3 || constant) return out;
  const auto [skewness, kurtosis] = risk::moments(returns);
  const double per_period = annual_sharpe / std::sqrt(periods);
  const double variance = (1 - skewness * per_period + (kurtosis - 1) / 4 * per_period * per_period) /
                          (static_cast<double>(returns.size()) - 1);
  const double error = kNormal95 * std::sqrt(variance * periods);
  out.low = annual_sharpe - error;
  out.high = annual_sharpe + error;
  return out;
}

}  // namespace quantick::backtest
