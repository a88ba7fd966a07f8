#include "quantick/backtest/fee_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

TEST(FeeModel, BasisPointsWithAMinimum) {
  const BasisPointFee fee(10, 5);
  EXPECT_DOUBLE_EQ(fee.commission({0, 100, 200, NAN}), 20);
  EXPECT_DOUBLE_EQ(fee.commission({0, -100, 200, NAN}), 20) << "sales pay too";
  EXPECT_DOUBLE_EQ(fee.commission({0, 1, 200, NAN}), 5);
  EXPECT_EQ(fee.describe(), "commission 10 bps of traded value, at least 5 per trade");
  EXPECT_THROW(BasisPointFee(-1, 0), ValueError);
  EXPECT_THROW(BasisPointFee(1, NAN), ValueError);
}

}  // namespace
}  // namespace quantick::backtest
