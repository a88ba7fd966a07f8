#include "quantick/risk/drawdown.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::risk {
namespace {

const std::vector<double> kReturns{-0.5, 1.0, 0.5, -0.2, 0.0, 0.25, -0.1};

TEST(Drawdown, StartCountsAsAPeak) {
  const std::vector<double> depths = drawdown_series(kReturns);  // wealth 0.5 1 1.5 1.2 1.2 1.5 1.35
  const std::vector<double> expected{-0.5, 0, 0, -0.2, -0.2, 0, -0.1};
  for (size_t i = 0; i < depths.size(); ++i) EXPECT_NEAR(depths[i], expected[i], 1e-15) << i;
  EXPECT_DOUBLE_EQ(max_drawdown(kReturns), -0.5);
}

TEST(Drawdown, SumModeIgnoresTheFirstLoss) {
  EXPECT_NEAR(max_drawdown_of_sum(kReturns), -0.2, 1e-15);  // sums -0.5 0.5 1.0 0.8 0.8 1.05 0.95
}

TEST(Drawdown, NothingLostIsZero) {
  EXPECT_EQ(max_drawdown(std::vector<double>{0.1, 0.0, 0.2}), 0);
  EXPECT_THROW(max_drawdown({}), ValueError);
}

TEST(Drawdown, UlcerIndex) {
  const std::vector<double> returns{-0.5, 0.0};
  EXPECT_DOUBLE_EQ(ulcer_index(returns, 0), 0.5);
  EXPECT_DOUBLE_EQ(ulcer_index(returns, 1), std::sqrt(0.5));
}

}  // namespace
}  // namespace quantick::risk
