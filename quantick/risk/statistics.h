#pragma once
// Statistics of a series of numbers in float64, summed in order, so that a result never depends on threads.
#include <cstdint>
#include <span>
#include <vector>

namespace quantick::risk {

/// Arithmetic mean. Throws ValueError on an empty series, as all of these do on too short a one.
double mean(std::span<const double> x);
/// Variance with divisor n - ddof, about the mean (two passes).
double variance(std::span<const double> x, int ddof = 1);
double standard_deviation(std::span<const double> x, int ddof = 1);
/// Covariance with divisor n - 1.
double covariance(std::span<const double> x, std::span<const double> y);
/// Pearson correlation; NaN where either series is constant.
double correlation(std::span<const double> x, std::span<const double> y);

/// Third and fourth standardised moments. `biased` divides by n; otherwise the adjusted Fisher-Pearson G1 and G2 + 3.
/// The kurtosis is raw: 3 for a normal.
struct Moments {
  double skewness;
  double kurtosis;
};
Moments moments(std::span<const double> x, bool biased = true);

/// Percentile with linear interpolation between order statistics (Hyndman and Fan type 7); share in [0, 1].
double quantile(std::span<const double> x, double share);

/// Ranks 1..n, smallest first; equal values share the mean of their ranks.
std::vector<double> average_ranks(std::span<const double> x);

/// Standard normal distribution: density, distribution, and its inverse (Wichura 1988, AS 241; share in (0, 1)).
double normal_density(double x);
double normal_distribution(double x);
double normal_quantile(double share);

}  // namespace quantick::risk
