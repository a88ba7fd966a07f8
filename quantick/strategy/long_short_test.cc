#include "quantick/strategy/long_short.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/strategy/registry.h"

namespace quantick::strategy {
namespace {

const std::vector<std::string> kNames{"E", "D", "C", "B", "A"};
const std::vector<uint8_t> kAll(5, 1);
const std::vector<double> kFlat(5, 0.0);

Target decide(LongShort& strategy, int32_t day, const std::vector<double>& scores,
              const std::vector<uint8_t>& tradable = kAll, const std::vector<double>& holdings = kFlat) {
  return strategy.on_scores({{day}, scores, tradable, holdings});
}

TEST(LongShort, EqualWeights) {
  LongShort strategy({.k = 2}, kNames);
  EXPECT_EQ(decide(strategy, 1, {5, 1, 4, 2, 3}).weights, (std::vector<double>{0.25, -0.25, 0.25, -0.25, 0}));
}

TEST(LongShort, RankWeightsAndGross) {
  LongShort strategy({.k = 2, .weighting = "rank", .gross = 1.5}, kNames);
  EXPECT_EQ(decide(strategy, 1, {5, 1, 4, 2, 3}).weights, (std::vector<double>{0.5, -0.5, 0.25, -0.25, 0}));
}

TEST(LongShort, LongOnlyShareOfTheNamesAvailable) {
  LongShort strategy({.k = 0.5, .long_only = true}, kNames);
  EXPECT_EQ(decide(strategy, 1, {5, 1, 4, 2, 3}).weights, (std::vector<double>{0.5, 0, 0.5, 0, 0}));  // floor(2.5)
  EXPECT_EQ(decide(strategy, 2, {5, NAN, 4, 2, 3}, {0, 1, 1, 1, 1}).weights, (std::vector<double>{0, 0, 1, 0, 0}))
      << "three left, floor(1.5)";
}

TEST(LongShort, TiesGoByNameAndAreCounted) {
  LongShort strategy({.k = 1, .long_only = true}, kNames);
  EXPECT_EQ(decide(strategy, 1, {7, 7, 1, 7, 2}).weights, (std::vector<double>{0, 0, 0, 1, 0})) << "B before D and E";
  EXPECT_EQ(strategy.ties().boundary_dates, 1);
  EXPECT_EQ(strategy.ties().tied, 3);
  decide(strategy, 2, {9, 7, 1, 7, 2});
  EXPECT_EQ(strategy.ties().boundary_dates, 1) << "tied below the cut decides nothing";
  EXPECT_EQ(strategy.ties().tied, 5);
  EXPECT_EQ(strategy.ties().ranked, 10);
}

TEST(LongShort, BetweenRebalancesNothingIsTraded) {
  LongShort strategy({.k = 1, .rebalance = 2}, kNames);
  EXPECT_EQ(decide(strategy, 1, {5, 1, 4, 2, 3}).keep, std::vector<uint8_t>(5, 0));
  const std::vector<double> drifted{0.6, -0.4, 0, 0, 0};
  const Target second = decide(strategy, 2, {1, 5, 4, 2, 3}, kAll, drifted);
  EXPECT_EQ(second.keep, std::vector<uint8_t>(5, 1));
  EXPECT_EQ(second.weights, drifted);
  EXPECT_EQ(decide(strategy, 3, {1, 5, 4, 2, 3}).weights, (std::vector<double>{-0.5, 0.5, 0, 0, 0}));
}

TEST(LongShort, FewNamesShrinkBothSidesAndAreCounted) {
  LongShort strategy({.k = 2}, kNames);
  EXPECT_EQ(decide(strategy, 1, {5, 1, NAN, 2, NAN}).weights, (std::vector<double>{0.5, -0.5, 0, 0, 0}));
  EXPECT_EQ(strategy.shortfalls(), 1);
  EXPECT_EQ(decide(strategy, 2, std::vector<double>(5, NAN)).weights, kFlat);
}

TEST(LongShort, RefusesNonsense) {
  try {
    LongShort({.k = 3}, kNames);
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "[LongShort] k, was 3 on 2 side(s), expected at most 2 for a universe of 5 instruments");
  }
  EXPECT_THROW(LongShort({.k = 0.6}, kNames), ValueError);
  EXPECT_THROW(LongShort({.k = 1.5}, kNames), ValueError);
  EXPECT_THROW(LongShort({.k = 1, .weighting = "square"}, kNames), ValueError);
  EXPECT_THROW(LongShort({.k = 1, .gross = 0}, kNames), ValueError);
  EXPECT_THROW(LongShort({.k = 1, .rebalance = 0}, kNames), ValueError);
  LongShort strategy({.k = 1}, kNames);
  decide(strategy, 5, kFlat);
  EXPECT_THROW(decide(strategy, 5, kFlat), ValueError) << "the same date twice";
  EXPECT_THROW(decide(strategy, 6, {1, 2}), ShapeError);
}

TEST(StrategyRegistry, ByName) {
  EXPECT_EQ(strategy_names(), (std::vector<std::string>{"LongShort", "TopkDropout", "EqualWeight", "TargetWeights"}));
  const StrategyOptions options = default_strategy_options("TopkDropout");
  EXPECT_TRUE(std::holds_alternative<TopkDropoutOptions>(options));
  EXPECT_NE(make_strategy(default_strategy_options("LongShort"), kNames), nullptr);
  EXPECT_THROW(make_strategy(options, kNames), ValueError) << "50 of 5";
  try {
    default_strategy_options("TopKDropout");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("nearest is TopkDropout"), std::string::npos);
  }
}

}  // namespace
}  // namespace quantick::strategy
