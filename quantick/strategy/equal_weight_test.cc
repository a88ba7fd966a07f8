#include "quantick/strategy/equal_weight.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::strategy {
namespace {

TEST(EqualWeight, EveryNameThatCanBeHeld) {
  EqualWeight strategy({.invested = 0.9, .rebalance = 2}, {"A", "B", "C", "D"});
  const std::vector<double> scores{1, NAN, 3, 4}, none(4, 0.0), drifted{0.4, 0, 0.5, 0};
  const std::vector<uint8_t> tradable{1, 1, 1, 0};
  EXPECT_EQ(strategy.on_scores({{1}, scores, tradable, none}).weights, (std::vector<double>{0.45, 0, 0.45, 0}));
  const Target second = strategy.on_scores({{2}, scores, tradable, drifted});
  EXPECT_EQ(second.weights, drifted);
  EXPECT_EQ(second.keep, std::vector<uint8_t>(4, 1));
  EXPECT_EQ(strategy.on_scores({{3}, scores, tradable, drifted}).keep, std::vector<uint8_t>(4, 0));
  EXPECT_THROW(EqualWeight({.invested = 0}, {"A"}), ValueError);
  EXPECT_THROW(EqualWeight({.rebalance = 0}, {"A"}), ValueError);
}

}  // namespace
}  // namespace quantick::strategy
