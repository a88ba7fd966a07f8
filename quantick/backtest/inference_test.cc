#include "quantick/backtest/inference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Inference, MeanWithoutLags) {
  // Deviations -1.5, -0.5, 0.5, 1.5: variance 5 / 4, error sqrt(1.25 / 4).
  const std::vector<double> x{1, 2, 3, 4};
  const MeanEstimate m = newey_west_mean(x, 1);
  EXPECT_EQ(m.observations, 4);
  EXPECT_NEAR(m.value, 2.5, 1e-12);
  EXPECT_NEAR(m.high - 2.5, 1.959964 * std::sqrt(0.3125), 1e-12);
  EXPECT_NEAR(2.5 - m.low, 1.959964 * std::sqrt(0.3125), 1e-12);
  EXPECT_NEAR(m.standard_error(), std::sqrt(0.3125), 1e-12);
}

TEST(Inference, BartlettWeightsCountTheLags) {
  // Autocovariances over 4: 1.25, then (0.75 - 0.25 + 0.75) / 4 = 0.3125, then (-0.75 - 0.75) / 4 = -0.375.
  const std::vector<double> x{1, 2, 3, 4};
  EXPECT_NEAR(newey_west_mean(x, 2).standard_error(), std::sqrt((1.25 + 2 * 0.5 * 0.3125) / 4), 1e-12);
  EXPECT_NEAR(newey_west_mean(x, 3).standard_error(),
              std::sqrt((1.25 + 2 * (2.0 / 3) * 0.3125 + 2 * (1.0 / 3) * -0.375) / 4), 1e-12);
}

TEST(Inference, MeanLeavesOutWhatIsNotFinite) {
  const std::vector<double> x{kNaN, 1, 2, std::numeric_limits<double>::infinity(), 3, 4, kNaN};
  const MeanEstimate m = newey_west_mean(x, 2);
  EXPECT_EQ(m.observations, 4);
  EXPECT_NEAR(m.standard_error(), std::sqrt(1.5625 / 4), 1e-12);
  const MeanEstimate few = newey_west_mean(std::vector<double>{1, kNaN, 2}, 1);
  EXPECT_EQ(few.observations, 2);
  EXPECT_TRUE(std::isnan(few.value) && std::isnan(few.low) && std::isnan(few.high));
}

TEST(Inference, MoreLagsThanValuesAreCut) {
  const std::vector<double> x{1, -1, 1};
  EXPECT_TRUE(std::isfinite(newey_west_mean(x, 100).low));
  EXPECT_THROW(newey_west_mean(x, 0), ValueError);
}

TEST(Inference, SharpeIntervalOfASymmetricSeries) {
  // -1, 1, -1, 1 around 0.5: skewness 0, raw kurtosis 1, so that the variance is 1 / (n - 1) whatever the ratio.
  const std::vector<double> r{-0.5, 1.5, -0.5, 1.5};
  const MeanEstimate s = sharpe_interval(2, r, 252);
  EXPECT_EQ(s.value, 2);
  EXPECT_EQ(s.observations, 4);
  EXPECT_NEAR(s.high - 2, 1.959964 * std::sqrt(252.0 / 3), 1e-9);
  EXPECT_NEAR(2 - s.low, 1.959964 * std::sqrt(252.0 / 3), 1e-9);
}

TEST(Inference, SharpeIntervalCountsSkewnessAndKurtosis) {
  // 0, 0, 0, 4: mean 1, m2 3, m3 6, m4 21; skewness 6 / 3^1.5, kurtosis 21 / 9.
  const std::vector<double> r{0, 0, 0, 4};
  const double sharpe = 0.5;  // per period, since a year has one
  const double variance = (1 - 6 / std::pow(3, 1.5) * sharpe + (21.0 / 9 - 1) / 4 * sharpe * sharpe) / 3;
  EXPECT_NEAR(sharpe_interval(sharpe, r, 1).standard_error(), std::sqrt(variance), 1e-12);
}

TEST(Inference, SharpeIntervalNeedsReturnsThatVary) {
  EXPECT_TRUE(std::isnan(sharpe_interval(1, std::vector<double>{0.1, 0.2}, 252).low));
  EXPECT_TRUE(std::isnan(sharpe_interval(1, std::vector<double>{0.1, 0.1, 0.1}, 252).low));
  EXPECT_THROW(sharpe_interval(1, std::vector<double>{0.1, 0.2, 0.3}, 0), ValueError);
}

}  // namespace
}  // namespace quantick::backtest
