#include "quantick/backtest/fill_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

TEST(FillModel, LimitsAndMissingPrices) {
  const BarFill fill(1, 0.1, 0);
  const auto block = [&](double quantity, double price) {
    return fill.fill({0, {1}, quantity, price, 100, NAN}).block;
  };
  EXPECT_EQ(block(10, NAN), Block::no_price);
  EXPECT_EQ(block(10, 110), Block::limit_up);
  EXPECT_EQ(block(-10, 110), Block::none) << "one may sell at limit up";
  EXPECT_EQ(block(-10, 90), Block::limit_down);
  EXPECT_EQ(block(10, 90), Block::none);
  EXPECT_EQ(block(10, 109.9), Block::none);
  EXPECT_EQ(BarFill(1, 0, 0).fill({0, {1}, 10, 200, 100, NAN}).quantity, 10);
}

TEST(FillModel, VolumeCapFillsAPart) {
  const BarFill fill(1, 0, 0.1);
  const FillAnswer answer = fill.fill({0, {1}, -50, 10, 10, 200});
  EXPECT_DOUBLE_EQ(answer.quantity, -20);
  EXPECT_EQ(answer.block, Block::volume);
  EXPECT_EQ(fill.fill({0, {1}, 20, 10, 10, 200}).block, Block::none);
  EXPECT_EQ(fill.fill({0, {1}, 20, 10, 10, NAN}).quantity, 0);
}

TEST(FillModel, DelayIsAtLeastOneBar) {
  EXPECT_EQ(BarFill(3, 0, 0).delay_bars(17), 3);
  EXPECT_THROW(BarFill(0, 0, 0), ValueError);
  EXPECT_THROW(BarFill(1, 1, 0), ValueError);
  EXPECT_THROW(BarFill(1, 0, 2), ValueError);
}

}  // namespace
}  // namespace quantick::backtest
