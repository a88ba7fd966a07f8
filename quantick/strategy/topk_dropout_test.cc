#include "quantick/strategy/topk_dropout.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::strategy {
namespace {

const std::vector<std::string> kNames{"A", "B", "C", "D", "E", "F"};
const std::vector<uint8_t> kAll(6, 1);

// Feeds the targets back as holdings: every order fills and nothing drifts.
struct Desk {
  explicit Desk(const TopkDropoutOptions& options) : strategy(options, kNames) {}
  std::string held(const std::vector<double>& scores, const std::vector<uint8_t>& tradable = kAll) {
    const Target target = strategy.on_scores({{++day}, scores, tradable, weights});
    weights = target.weights;
    keep = target.keep;
    std::string names;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] > 0) names += kNames[i];
    }
    return names;
  }
  TopkDropout strategy;
  int32_t day = 0;
  std::vector<double> weights = std::vector<double>(6, 0.0);
  std::vector<uint8_t> keep;
};

TEST(TopkDropout, SwapsTheWorstHeldForTheBestOther) {
  Desk desk({.k = 3, .n_drop = 1, .invested = 0.9});
  EXPECT_EQ(desk.held({6, 5, 4, 3, 2, 1}), "ABC");
  EXPECT_DOUBLE_EQ(desk.weights[0], 0.3);
  EXPECT_EQ(desk.held({1, 2, 3, 6, 5, 4}), "BCD") << "one swap a day, though all three are worse";
  EXPECT_EQ(desk.keep, (std::vector<uint8_t>{0, 1, 1, 0, 1, 1})) << "names that stay are not traded";
  EXPECT_DOUBLE_EQ(desk.weights[3], 0.3);
  EXPECT_EQ(desk.held({1, 2, 3, 6, 5, 4}), "CDE");
}

TEST(TopkDropout, NothingIsSwappedForSomethingWorse) {
  Desk desk({.k = 3, .n_drop = 2});
  EXPECT_EQ(desk.held({6, 5, 4, 3, 2, 1}), "ABC");
  EXPECT_EQ(desk.held({6, 5, 4, 3, 2, 1}), "ABC");
  // Held A 6, B 5, C 2; the last two of A B C D E are C and D (3 < 4): only C is held, so one swap, for the best.
  EXPECT_EQ(desk.held({6, 5, 2, 3, 4, 1}), "ABE");
}

TEST(TopkDropout, MinimumHoldingTime) {
  Desk desk({.k = 1, .n_drop = 1, .min_hold = 3});
  EXPECT_EQ(desk.held({6, 5, 4, 3, 2, 1}), "A");
  EXPECT_EQ(desk.held({1, 6, 4, 3, 2, 0}), "A");
  EXPECT_EQ(desk.held({1, 6, 4, 3, 2, 0}), "A");
  EXPECT_EQ(desk.held({1, 6, 4, 3, 2, 0}), "B") << "the third date that A is held";
}

TEST(TopkDropout, WhatCannotBeSoldFreesNoPlace) {
  Desk desk({.k = 2, .n_drop = 1});
  EXPECT_EQ(desk.held({6, 5, 4, 3, 2, 1}), "AB");
  EXPECT_EQ(desk.held({6, NAN, 4, 3, 2, 1}, {1, 0, 1, 1, 1, 1}), "AB") << "B has no price today";
  EXPECT_EQ(desk.held({6, NAN, 4, 3, 2, 1}), "AC") << "no score ranks last";
}

TEST(TopkDropout, ShareOfTheNamesAvailable) {
  Desk desk({.k = 0.5, .n_drop = 0.34});
  EXPECT_EQ(desk.held({6, 5, 4, 3, 2, 1}), "ABC");
  EXPECT_EQ(desk.held({1, 2, 3, 6, 5, 4}), "BCD") << "a third of three names";
  EXPECT_EQ(desk.held({NAN, 2, 3, 6, 5, NAN}), "CD") << "half of four: one too many is sold";
}

TEST(TopkDropout, FreedWeightIsShared) {
  Desk desk({.k = 2, .n_drop = 1, .invested = 1});
  desk.held({6, 5, 4, 3, 2, 1});
  desk.weights = {0.7, 0.4, 0, 0, 0, 0};  // drift
  EXPECT_EQ(desk.held({6, 1, 5, 3, 2, 0}), "AC");
  EXPECT_DOUBLE_EQ(desk.weights[0], 0.7);
  EXPECT_DOUBLE_EQ(desk.weights[2], 0.3);
}

TEST(TopkDropout, TiesAndShortfallsAreCounted) {
  Desk desk({.k = 2, .n_drop = 1});
  EXPECT_EQ(desk.held({1, 5, 5, 5, 0, 0}), "BC") << "by name";
  EXPECT_EQ(desk.strategy.ties().boundary_dates, 1);
  EXPECT_EQ(desk.strategy.ties().tied, 5);
  Desk few({.k = 3, .n_drop = 1});
  EXPECT_EQ(few.held({1, NAN, NAN, NAN, 2, NAN}), "AE");
  EXPECT_EQ(few.strategy.shortfalls(), 1);
}

TEST(TopkDropout, RefusesNonsense) {
  try {
    TopkDropout({.k = 50}, kNames);
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(),
                 "[TopkDropout] k, was 50, expected at most 6, the universe's instruments (or a share of them, e.g. "
                 "0.2)");
  }
  EXPECT_THROW(TopkDropout({.k = 2, .n_drop = 3}, kNames), ValueError);
  EXPECT_NO_THROW(TopkDropout({.k = 0.5, .n_drop = 3}, kNames));
  try {
    TopkDropout({.k = 0.5, .n_drop = 4}, kNames);
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "[TopkDropout] n_drop, was 4, expected at most k = 0.5, which is 3 of 6 instruments");
  }
  EXPECT_THROW(TopkDropout({.k = 0}, kNames), ValueError);
  EXPECT_THROW(TopkDropout({.k = 2, .n_drop = 1, .min_hold = 0}, kNames), ValueError);
  EXPECT_THROW(TopkDropout({.k = 2, .n_drop = 1, .invested = 0}, kNames), ValueError);
}

}  // namespace
}  // namespace quantick::strategy
