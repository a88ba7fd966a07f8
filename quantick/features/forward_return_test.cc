#include "quantick/features/forward_return.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::features {
namespace {

TEST(ForwardReturn, BeginsAtTheNextCloseAndEndsWithTheData) {
  market::Panel panel;
  panel.instruments = {"A", "B"};
  panel.price_field = "close";
  for (int t = 0; t < 4; ++t) panel.dates.push_back(market::Date{t});
  panel.add_field("close", {1, 10, 2, 20, 4, market::kMissing, 5, 25});
  const auto one = forward_returns(panel, 1);
  EXPECT_EQ(one[0], 1.0);  // 4 / 2 - 1
  EXPECT_TRUE(std::isnan(one[1]));
  EXPECT_EQ(one[2], 0.25);
  for (size_t k = 4; k < 8; ++k) EXPECT_TRUE(std::isnan(one[k])) << k;
  const auto two = forward_returns(panel, 2);
  EXPECT_EQ(two[0], 1.5);
  EXPECT_EQ(two[1], 0.25);
  EXPECT_TRUE(std::isnan(two[2]));
  EXPECT_TRUE(std::isnan(forward_returns(panel, 9)[0]));
  EXPECT_THROW(forward_returns(panel, 0), ValueError);
}

}  // namespace
}  // namespace quantick::features
