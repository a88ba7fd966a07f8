#include "quantick/backtest/inputs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

const double kGap = std::nan("");

/// Five dates of A, B and C; B pauses on the second and third, C has no close before the fourth.
Prices prices() {
  Prices out;
  out.instruments = {"A", "B", "C"};
  for (int32_t day = 0; day < 5; ++day) out.dates.push_back({100 + day});
  out.close = {10, 20, kGap, 11, kGap, kGap, 12, kGap, kGap, 13, 23, 33, 14, 24, 34};
  out.close_name = "close";
  return out;
}

/// On the third and fifth date, columns in another order than the prices'.
strategy::ScoreMatrix scores() { return {{{102}, {104}}, {"B", "A"}, {1, 5, 7, 2}}; }

TEST(BacktestInputs, BarsBeginAtTheFirstScoreAndKnowWhatCameBefore) {
  const BacktestInputs inputs(prices(), scores());
  ASSERT_EQ(inputs.bar_count(), 3);
  const auto bar = inputs.bar(0);
  EXPECT_EQ(bar.date.days, 102);
  EXPECT_EQ(bar.close[0], 20) << "of B, from two bars before the first";
  EXPECT_EQ(bar.close[1], 12);
  EXPECT_EQ(bar.missing[0], 2) << "one of them ahead of the first bar";
  EXPECT_EQ(bar.missing[1], 0);
  EXPECT_EQ(bar.tradable[0], 0);
  EXPECT_EQ(bar.tradable[1], 1);
  EXPECT_EQ(std::vector<int64_t>(bar.order.begin(), bar.order.end()), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(inputs.bar(1).missing[0], 0);
  EXPECT_TRUE(inputs.bar(1).scores.empty() && inputs.bar(1).order.empty());
  EXPECT_EQ(inputs.bar(2).order[0], 0);
  EXPECT_TRUE(inputs.bar(2).open.empty() && inputs.bar(2).volume.empty());
}

TEST(BacktestInputs, WhatDoesNotFitIsNamed) {
  const auto message = [](const strategy::ScoreMatrix& s) -> std::string {
    try {
      BacktestInputs(prices(), s);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message({{{102}}, {"A"}, {1}}).find("scores on one date"), std::string::npos);
  EXPECT_NE(message({{{102}, {109}}, {"A"}, {1, 2}}).find("not a date of the prices"), std::string::npos);
  EXPECT_NE(message({{{102}, {104}}, {"Z"}, {1, 2}}).find("Z"), std::string::npos);
}

}  // namespace
}  // namespace quantick::backtest
