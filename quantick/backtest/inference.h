#pragma once
// How sure a mean or a Sharpe ratio is: normal 95 % intervals.
#include <cstdint>
#include <limits>
#include <span>

namespace quantick::backtest {

/// A number with its 95 % interval; NaN where there is none.
struct MeanEstimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  int64_t observations = 0;  // finite values of the series

  /// Half the interval over the normal quantile.
  double standard_error() const;
};

/// Mean of the finite values. The error allows for correlation up to `lags_plus_one - 1` lags by Bartlett weights
/// 1 - lag / lags_plus_one (Newey and West 1987, autocovariances over n); labels that overlap by h dates take h. NaN
/// for fewer than 3 values. Throws ValueError for lags_plus_one < 1.
MeanEstimate newey_west_mean(std::span<const double> series, int64_t lags_plus_one = 1);

/// The interval of an annual Sharpe ratio of these returns, `periods` a year. Its variance allows for skewness and raw
/// kurtosis (Mertens 2002), as the probabilistic Sharpe ratio does. The interval is NaN for fewer than 3 returns or
/// returns that do not vary. Throws ValueError for periods <= 0.
MeanEstimate sharpe_interval(double annual_sharpe, std::span<const double> returns, double periods);

}  // namespace quantick::backtest
