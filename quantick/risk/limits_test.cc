#include "quantick/risk/limits.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"

namespace quantick::risk {
namespace {

TEST(Limits, ExposureAddsUp) {
  const Exposure sum = exposure(std::vector<double>{0.5, -0.25, 0, 0.125});
  EXPECT_EQ(sum.gross, 0.875);
  EXPECT_EQ(sum.net, 0.375);
  EXPECT_EQ(sum.largest, 0.5);
  EXPECT_EQ(sum.longs, 2);
  EXPECT_EQ(sum.shorts, 1);
}

TEST(Limits, EveryBreachIsNamed) {
  const auto breaches =
      find_breaches(std::vector<double>{0.5, 0.5, -0.5}, {.max_weight = 0.4, .max_gross = 1, .max_net = 0.4});
  ASSERT_EQ(breaches.size(), 5u);
  EXPECT_EQ(breaches[0].limit, "max_weight");
  EXPECT_EQ(breaches[2].instrument, 2);
  EXPECT_EQ(breaches[3].limit, "max_gross");
  EXPECT_EQ(breaches[3].value, 1.5);
  EXPECT_EQ(breaches[4].limit, "max_net");
}

TEST(Limits, AppliedWeightsBreachNothing) {
  const Limits limits{.max_weight = 0.4, .max_gross = 1, .max_net = 0.3};
  const std::vector<double> inside = apply_limits(std::vector<double>{0.9, 0.3, -0.2, -0.5}, limits);
  EXPECT_TRUE(find_breaches(inside, limits).empty());
  EXPECT_GT(inside[0], 0);
  EXPECT_LT(inside[3], 0);
  const std::vector<double> small{0.1, -0.1};
  EXPECT_EQ(apply_limits(small, limits), small) << "what fits is left alone";
}

TEST(Limits, RefusesNonsense) {
  EXPECT_THROW(find_breaches(std::vector<double>{0.1}, {.max_gross = 0}), ValueError);
  EXPECT_THROW(apply_limits(std::vector<double>{std::numeric_limits<double>::quiet_NaN()}, {}), ValueError);
}

}  // namespace
}  // namespace quantick::risk
