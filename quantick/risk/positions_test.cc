#include "quantick/risk/positions.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"

namespace quantick::risk {
namespace {

TEST(Positions, BuyAddTrimAndFlip) {
  Positions book(2, 1000);
  book.trade(0, 10, 20, 1);
  book.trade(0, 10, 30, 1);
  EXPECT_DOUBLE_EQ(book.quantity(0), 20);
  EXPECT_DOUBLE_EQ(book.cash(), 498);
  book.trade(0, -5, 40, 0);
  EXPECT_DOUBLE_EQ(book.cash(), 698);
  book.trade(0, -25, 20, 0);
  EXPECT_DOUBLE_EQ(book.quantity(0), -10) << "a short";
  EXPECT_DOUBLE_EQ(book.equity(std::vector<double>{15, 1}), 1048) << "1198 in cash, 150 owed";
  book.trade(0, 10, 15, 0);
  book.pay(-8);
  EXPECT_DOUBLE_EQ(book.equity(std::vector<double>{15, 1}), 1040) << "start + 75 - 75 + 50 - costs 2 - charge 8";
  EXPECT_EQ(book.quantity(1), 0);
}

TEST(Positions, WeightsAreSharesOfEquity) {
  Positions book(2, 1000);
  book.trade(0, 10, 50, 0);
  book.trade(1, -10, 25, 0);
  EXPECT_EQ(book.weights(std::vector<double>{50, 25}), (std::vector<double>{0.5, -0.25}));
}

TEST(Positions, RefusesNonsense) {
  EXPECT_THROW(Positions(0, 1), ValueError);
  EXPECT_THROW(Positions(1, -5), ValueError);
  Positions book(1, 100);
  EXPECT_THROW(book.trade(1, 1, 1, 0), IndexError);
  EXPECT_THROW(book.trade(0, 1, 0, 0), ValueError);
  book.trade(0, -10, 20, 0);
  EXPECT_THROW(book.weights(std::vector<double>{40}), ValueError) << "equity 300 - 400 < 0";
}

}  // namespace
}  // namespace quantick::risk
