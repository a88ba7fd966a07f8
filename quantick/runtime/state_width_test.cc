#include "quantick/runtime/state_width.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::runtime {
namespace {

TEST(StateWidth, TheEngineReproducesTheTableWithinTwoDecibels) {
  const auto rows = measure_state_widths();
  ASSERT_EQ(rows.size(), 9u);
  for (const StateWidthRow& row : rows)
    for (size_t i = 0; i < kHalfLives.size(); ++i)
      EXPECT_LE(std::abs(row.difference(i)), 2)
          << row.name << ", half-life " << kHalfLives[i] << ": " << row.measured[i] << " against " << row.reference[i];
}

TEST(StateWidth, DifferencesCountNegativeDecibelsAsZero) {
  const StateWidthRow row{"x", {75, 10, 0, 0, 0}, {74, -3, -9, 1.5, 0}};
  EXPECT_EQ(row.difference(0), -1);
  EXPECT_EQ(row.difference(1), -10);
  EXPECT_EQ(row.difference(2), 0);
  EXPECT_EQ(row.difference(3), 1.5);
  EXPECT_EQ(row.largest_difference(), 10);
  EXPECT_THROW(measure_state_widths(0), ValueError);
}

}  // namespace
}  // namespace quantick::runtime
