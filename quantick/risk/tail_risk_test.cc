#include "quantick/risk/tail_risk.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quantick/core/error.h"

namespace quantick::risk {
namespace {

// 20 returns: -10 % .. +9 % in steps of 1 %, out of order.
std::vector<double> ladder() {
  std::vector<double> r;
  for (int i = 0; i < 20; ++i) r.push_back((i * 7 % 20 - 10) / 100.0);
  return r;
}

TEST(TailRisk, HistoricalByHand) {
  const std::vector<double> r = ladder();
  EXPECT_NEAR(value_at_risk(r, 0.05), 0.0905, 1e-15);                // between -10 % and -9 %, at 0.95
  EXPECT_NEAR(value_at_risk_order_statistic(r, 0.05), 0.09, 1e-15);  // one return lies below
  EXPECT_NEAR(expected_shortfall(r, 0.10), 0.095, 1e-15);            // floor(1.9) + 1 = 2 lowest
}

TEST(TailRisk, NormalFormsOrderAsTheyMust) {
  const std::vector<double> r = ladder();
  EXPECT_GT(expected_shortfall_normal(r), value_at_risk_normal(r));
  EXPECT_NEAR(value_at_risk_normal(r, 0.5), 0.005, 1e-15);  // the mean is -0.5 %
  EXPECT_NEAR(expected_shortfall_below_normal(r, 0.10), 0.095, 1e-15) << "two returns below -8.1 %";
  EXPECT_EQ(expected_shortfall_below_normal(r, 0.05), value_at_risk_normal(r, 0.05)) << "none below -10.2 %";
}

TEST(TailRisk, EwmaByHand) {
  const std::vector<double> r{0.02, -0.01};
  EXPECT_NEAR(ewma_volatility(r, 0.5), std::sqrt(0.5 * 0.0004 + 0.5 * 0.0001), 1e-16);
}

TEST(TailRisk, RefusesNonsense) {
  EXPECT_THROW(value_at_risk({}, 0.05), ValueError);
  EXPECT_THROW(value_at_risk(ladder(), 0), ValueError);
  EXPECT_THROW(expected_shortfall(ladder(), 1), ValueError);
  EXPECT_THROW(ewma_volatility(ladder(), 1), ValueError);
}

}  // namespace
}  // namespace quantick::risk
