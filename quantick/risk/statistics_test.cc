#include "quantick/risk/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::risk {
namespace {

TEST(Statistics, SmallSeriesByHand) {
  const std::vector<double> x{1, 2, 4, 9}, y{2, 1, 5, 8};
  EXPECT_DOUBLE_EQ(mean(x), 4);
  EXPECT_DOUBLE_EQ(variance(x), 38.0 / 3);
  EXPECT_DOUBLE_EQ(variance(x, 0), 38.0 / 4);
  EXPECT_DOUBLE_EQ(covariance(x, y), 32.0 / 3);
  EXPECT_NEAR(correlation(x, y), 32 / std::sqrt(38.0 * 30), 1e-15);
}

TEST(Statistics, MomentsAreRawAndCorrectable) {
  const std::vector<double> x{0, 0, 0, 1};  // m2 = 3/16, m3 = 3/32, m4 = 21/256
  EXPECT_NEAR(moments(x).skewness, 2 / std::sqrt(3), 1e-14);
  EXPECT_NEAR(moments(x).kurtosis, 7.0 / 3, 1e-14);
  EXPECT_NEAR(moments(x, false).skewness, 2, 1e-13);
  EXPECT_NEAR(moments(x, false).kurtosis, 7, 1e-13);  // pandas: skew 2, kurt 4 (excess)
}

TEST(Statistics, ConstantSeriesHasNoCorrelation) {
  const std::vector<double> flat{0.1, 0.1, 0.1}, x{1, 2, 3};
  EXPECT_TRUE(std::isnan(correlation(flat, x)));
  EXPECT_TRUE(std::isnan(correlation(x, flat)));
}

TEST(Statistics, QuantileInterpolates) {
  const std::vector<double> x{4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(quantile(x, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(x, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(x, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(quantile(x, 1), 4);
  EXPECT_THROW(quantile(x, 1.5), ValueError);
}

TEST(Statistics, EqualValuesShareTheirRank) {
  const std::vector<double> x{3, 1, 3, 2, 3};
  EXPECT_EQ(average_ranks(x), (std::vector<double>{4, 1, 4, 2, 4}));
}

TEST(Statistics, NormalQuantileInvertsTheDistribution) {
  EXPECT_NEAR(normal_quantile(0.95), 1.6448536269514722, 1e-15);
  EXPECT_NEAR(normal_quantile(0.99), 2.3263478740408408, 1e-15);
  EXPECT_EQ(normal_quantile(0.5), 0);
  for (const double p : {1e-12, 1e-5, 0.01, 0.3, 0.7, 0.999}) {
    EXPECT_NEAR(normal_distribution(normal_quantile(p)) / p, 1, 1e-12) << p;
  }
  EXPECT_THROW(normal_quantile(0), ValueError);
}

TEST(Statistics, TooShortASeriesIsNamed) {
  try {
    variance(std::vector<double>{1});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "[risk] variance of 1 values, expected at least 2");
  }
  EXPECT_THROW(covariance(std::vector<double>{1, 2}, std::vector<double>{1}), ShapeError);
}

}  // namespace
}  // namespace quantick::risk
