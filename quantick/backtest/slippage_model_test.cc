#include "quantick/backtest/slippage_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {
namespace {

TEST(SlippageModel, FixedAndVolumeShare) {
  EXPECT_DOUBLE_EQ(BasisPointSlippage(5).slippage({0, 10, 100, NAN}), 5e-4);
  const BasisPointSlippage impact(5, 0.1);
  EXPECT_DOUBLE_EQ(impact.slippage({0, -50, 100, 1000}), 5e-4 + 0.1 * 0.05 * 0.05);
  EXPECT_DOUBLE_EQ(impact.slippage({0, 10, 100, NAN}), 5e-4 + 0.1) << "no volume known: the whole bar";
  EXPECT_THROW(BasisPointSlippage(5, -0.1), ValueError);
}

}  // namespace
}  // namespace quantick::backtest
