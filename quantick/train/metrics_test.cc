#include "quantick/train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quantick/core/error.h"

namespace quantick::train {
namespace {

TEST(Metrics, PearsonAndSpearmanByHand) {
  const std::vector<double> a = {1, 2, 3, 4}, b = {1, 4, 9, 16}, tied = {1, 2, 2, 3}, flat = {0.1, 0.1, 0.1, 0.1};
  EXPECT_NEAR(pearson(a, b), 0.98437404, 1e-8);
  EXPECT_NEAR(spearman(a, b), 1, 1e-15);
  EXPECT_NEAR(spearman(a, tied), 4.5 / std::sqrt(5 * 4.5), 1e-12);  // ranks 0, 1.5, 1.5, 3
  EXPECT_TRUE(std::isnan(pearson(a, flat)));
  EXPECT_THROW(pearson(a, std::vector<double>{1, 2, 3}), ValueError);
}

TEST(Metrics, TwoPairsSayNothing) {
  const std::vector<double> two = {1, 2}, three = {1, 2, 3};
  EXPECT_TRUE(std::isnan(pearson(two, two)));
  EXPECT_TRUE(std::isnan(spearman(two, two)));
  EXPECT_NEAR(pearson(three, three), 1, 1e-15);
}

TEST(Metrics, CoefficientIsTheMeanOverDatesThatHaveOne) {
  // +1; constant predictions; two names, which would add another +1; 0.5, since ranks 0 1 2 against 0 2 1.
  const std::vector<float> p = {1, 2, 3, 5, 5, 5, 1, 2, 1, 2, 3}, y = {1, 2, 3, 1, 2, 3, 1, 2, 1, 3, 2};
  const std::vector<int64_t> dates = {3, 3, 2, 3};
  const auto ic = information_coefficient(p, y, dates);
  EXPECT_EQ(ic.groups, 2);
  EXPECT_NEAR(ic.ic, 0.75, 1e-15);
  EXPECT_NEAR(ic.rank_ic, 0.75, 1e-15);
}

TEST(Metrics, NoDateHasACoefficient) {
  const std::vector<float> p = {1, 2, 1, 2}, y = {1, 2, 2, 1};
  const std::vector<int64_t> dates = {2, 2};
  const auto ic = information_coefficient(p, y, dates);
  EXPECT_EQ(ic.groups, 0);
  EXPECT_TRUE(std::isnan(ic.ic));
}

}  // namespace
}  // namespace quantick::train
