#pragma once
// Metrics of a series of period returns (0.01 = 1 %), each with its convention in its arguments. Libraries differ in
// all of them: profiles.h has them under the libraries' names.
#include <cstdint>
#include <span>

namespace quantick::backtest {

/// Product of (1 + r), minus 1.
double total_return(std::span<const double> returns);
/// Geometric: (1 + total)^(periods / n) - 1.
double annual_return(std::span<const double> returns, double periods);
/// Standard deviation (ddof 1) times sqrt(periods).
double annual_volatility(std::span<const double> returns, double periods);
/// (mean - risk_free) / standard deviation (ddof 1) * sqrt(periods); risk_free is per period.
double sharpe(std::span<const double> returns, double periods, double risk_free = 0);
/// Root mean square of min(r - target, 0) over all n, times sqrt(periods).
double downside_risk(std::span<const double> returns, double periods, double target = 0);
/// (mean - target) * periods / downside_risk.
double sortino(std::span<const double> returns, double periods, double target = 0);
/// annual_return / |max drawdown| over the whole series; NaN without a drawdown.
double calmar(std::span<const double> returns, double periods);
/// Sum of gains over the threshold / sum of shortfalls below it; at 0 the profit factor. NaN without shortfalls.
double omega(std::span<const double> returns, double threshold = 0);
/// |95th percentile| / |5th percentile|, linear interpolation.
double tail_ratio(std::span<const double> returns);
/// R squared of the cumulative log return on time.
double stability(std::span<const double> returns);
/// Share of positive returns among those that are not zero; NaN where all are.
double hit_rate(std::span<const double> returns);

/// Covariance with the benchmark over its variance.
double beta(std::span<const double> returns, std::span<const double> benchmark);
/// Mean of r - beta * b per period; risk_free per period is taken from both.
double alpha_per_period(std::span<const double> returns, std::span<const double> benchmark, double risk_free = 0);
/// Mean of r - b over its standard deviation (ddof 1), per period.
double information_ratio(std::span<const double> returns, std::span<const double> benchmark);

/// Probability that the true Sharpe ratio exceeds `benchmark_sharpe` (per period; Bailey and Lopez de Prado 2012). The
/// kurtosis is raw, 3 for a normal.
double probabilistic_sharpe(double sharpe_per_period, double skewness, double kurtosis, int64_t observations,
                            double benchmark_sharpe);
/// The same from returns, with biased moments as in the paper.
double probabilistic_sharpe(std::span<const double> returns, double benchmark_sharpe = 0);
/// Expected largest Sharpe ratio per period of `trials` worthless strategies whose Sharpe ratios have this variance
/// (Bailey and Lopez de Prado 2014). 0 for one trial.
double expected_max_sharpe(int64_t trials, double sharpe_variance);
/// Deflated Sharpe ratio: probabilistic_sharpe against expected_max_sharpe. Every configuration tried is a trial.
double deflated_sharpe(std::span<const double> returns, int64_t trials, double sharpe_variance);

}  // namespace quantick::backtest
