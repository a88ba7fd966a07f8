#include "quantick/risk/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "quantick/core/error.h"

namespace quantick::risk {

namespace {

void check_size(std::span<const double> x, size_t least, const char* what) {
  QTK_CHECK(x.size() >= least, ValueError, "[risk] {} of {} values, expected at least {}", what, x.size(), least);
}

double central_sum(std::span<const double> x, double centre, int power) {
  double sum = 0;
  for (const double v : x) {
    double term = 1;
    for (int i = 0; i < power; ++i) term *= v - centre;
    sum += term;
  }
  return sum;
}

template <size_t N>
double polynomial(const double (&c)[N], double x) {
  double value = c[N - 1];
  for (size_t i = N - 1; i-- > 0;) value = value * x + c[i];
  return value;
}

}  // namespace

double mean(std::span<const double> x) {
  check_size(x, 1, "mean");
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double variance(std::span<const double> x, int ddof) {
  check_size(x, static_cast<size_t>(ddof) + 1, "variance");
  return central_sum(x, mean(x), 2) / static_cast<double>(x.size() - static_cast<size_t>(ddof));
}

double standard_deviation(std::span<const double> x, int ddof) { return std::sqrt(variance(x, ddof)); }

double covariance(std::span<const double> x, std::span<const double> y) {
  QTK_CHECK(x.size() == y.size(), ShapeError, "[risk] covariance of series of {} and {} values, expected equal lengths",
            x.size(), y.size());
  check_size(x, 2, "covariance");
  const double mx = mean(x), my = mean(y);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mx) * (y[i] - my);
  return sum / static_cast<double>(x.size() - 1);
}

double correlation(std::span<const double> x, std::span<const double> y) {
  const double c = covariance(x, y);
  // A constant series has a variance of rounding errors, not of zero, so equality is asked of the values.
  const auto constant = [](std::span<const double> v) {
    return std::all_of(v.begin(), v.end(), [&](double e) { return e == v[0]; });
  };
  if (constant(x) || constant(y)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(c / std::sqrt(variance(x) * variance(y)), -1.0, 1.0);
}

Moments moments(std::span<const double> x, bool biased) {
  check_size(x, biased ? 2 : 4, "moments");
  const double n = static_cast<double>(x.size()), m = mean(x);
  const double m2 = central_sum(x, m, 2) / n, m3 = central_sum(x, m, 3) / n, m4 = central_sum(x, m, 4) / n;
  const double g1 = m3 / (m2 * std::sqrt(m2)), kurtosis = m4 / (m2 * m2);
  if (biased) return {g1, kurtosis};
  return {g1 * std::sqrt(n * (n - 1)) / (n - 2), ((n + 1) * (kurtosis - 3) + 6) * (n - 1) / ((n - 2) * (n - 3)) + 3};
}

double quantile(std::span<const double> x, double share) {
  check_size(x, 1, "quantile");
  QTK_CHECK(share >= 0 && share <= 1, ValueError, "[risk] quantile share, was {}, expected 0..1", share);
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  const double position = share * static_cast<double>(sorted.size() - 1);
  const size_t low = static_cast<size_t>(std::floor(position));
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (position - static_cast<double>(low));
}

std::vector<double> average_ranks(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] != x[b] ? x[a] < x[b] : a < b; });
  std::vector<double> ranks(x.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = 0.5 * static_cast<double>(begin + end + 1);
    begin = end;
  }
  return ranks;
}

double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_quantile(double share) {
  QTK_CHECK(share > 0 && share < 1, ValueError, "[risk] normal quantile of {}, expected a share inside (0, 1)", share);
  // PPND16 of AS 241: relative error about 1e-16.
  static constexpr double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                 1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                 3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr double b[] = {1.0,
                                 4.2313330701600911252e+1,
                                 6.8718700749205790830e+2,
                                 5.3941960214247511077e+3,
                                 2.1213794301586595867e+4,
                                 3.9307895800092710610e+4,
                                 2.8729085735721942674e+4,
                                 5.2264952788528545610e+3};
  static constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                 3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
  static constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[] = {1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  const double q = share - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
  }
  const double r = std::sqrt(-std::log(q < 0 ? share : 1 - share));
  const double z =
      r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6) : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -z : z;
}

}  // namespace quantick::risk
