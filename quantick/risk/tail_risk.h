#pragma once
// Value at risk and expected shortfall of one period, as positive losses (0.02 = 2 % of wealth). `tail` is the share of
// periods beyond: 0.05 for "VaR95". The conventions differ by library; each is its own function.
#include <span>

namespace quantick::risk {

/// Percentile of the returns with linear interpolation (empyrical).
double value_at_risk(std::span<const double> returns, double tail = 0.05);
/// The order statistic with floor(n * tail) returns below it (QuantLib 1.29, skfolio).
double value_at_risk_order_statistic(std::span<const double> returns, double tail = 0.05);
/// Normal distribution with the series' mean and ddof-1 deviation (quantstats).
double value_at_risk_normal(std::span<const double> returns, double tail = 0.05);

/// Mean of the lowest floor((n - 1) * tail) + 1 returns (empyrical).
double expected_shortfall(std::span<const double> returns, double tail = 0.05);
/// Mean of the returns below the normal value at risk; that value where none is (quantstats up to 0.0.7x).
double expected_shortfall_below_normal(std::span<const double> returns, double tail = 0.05);
/// Closed form of the normal distribution (quantstats 0.0.86).
double expected_shortfall_normal(std::span<const double> returns, double tail = 0.05);

/// RiskMetrics 1996: square root of the exponentially weighted mean square, seeded with the first squared return.
double ewma_volatility(std::span<const double> returns, double decay = 0.94);
/// Normal value at risk of zero mean at the EWMA volatility.
double value_at_risk_ewma(std::span<const double> returns, double tail = 0.01, double decay = 0.94);

}  // namespace quantick::risk
