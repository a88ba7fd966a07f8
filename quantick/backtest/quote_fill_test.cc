#include "quantick/backtest/quote_fill.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

const market::Quote kQuote{.bid = 99, .ask = 101, .bid_size = 3, .ask_size = 2};

TEST(QuoteFill, BuysAtTheAskAndSellsAtTheBidNoMoreThanIsShown) {
  const QuoteFill fill(std::make_shared<ConstantLatency>(0), 0);
  EXPECT_EQ(fill.fill(1, kQuote).price, 101);
  EXPECT_EQ(fill.fill(5, kQuote).quantity, 2);
  EXPECT_EQ(fill.fill(-5, kQuote).quantity, -3);
  EXPECT_EQ(fill.fill(-5, kQuote).price, 99);
  EXPECT_EQ(fill.fill(0, kQuote).quantity, 0);
  const QuoteFill all(std::make_shared<ConstantLatency>(0), 0, false);
  EXPECT_EQ(all.fill(-5, kQuote).quantity, -5);
}

TEST(QuoteFill, AQuoteThatIsNotTwoSidedFillsNothing) {
  const QuoteFill fill(std::make_shared<ConstantLatency>(0), 0, false);
  market::Quote quote = kQuote;
  quote.bid_size = 0;
  EXPECT_EQ(fill.fill(1, quote).quantity, 0);
  EXPECT_EQ(fill.fill(1, {.bid = 101, .ask = 101, .bid_size = 1, .ask_size = 1}).quantity, 0);
  EXPECT_EQ(fill.fill(1, {}).quantity, 0);
}

TEST(QuoteFill, ArrivesAfterTheModelAndTheLine) {
  const QuoteFill fill(std::make_shared<ConstantLatency>(250), 1000);
  EXPECT_EQ(fill.arrival(5000, 0), 6250);
  EXPECT_NE(fill.describe().find("latency 250 ns; line 1000 ns"), std::string::npos) << fill.describe();
  EXPECT_THROW(QuoteFill(nullptr, 0), ValueError);
  EXPECT_THROW(QuoteFill(std::make_shared<ConstantLatency>(0), -1), ValueError);
  EXPECT_THROW(QuoteFill(std::make_shared<ConstantLatency>(0), kLongestLatency + 1), ValueError);
}

}  // namespace
}  // namespace quantick::backtest
