#include "quantick/features/scaler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/market/test_files.h"

namespace quantick::features {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Two features over five dates of one instrument: 1 2 3 4 100 and a constant with a gap.
const std::vector<double> kValues = {1, 7, 2, 7, 3, kNan, 4, 7, 100, 7};
const std::vector<std::string> kNames = {"a", "b"};

TEST(Scaler, StandardUsesTrainingDatesOnly) {
  const Scaler scaler = Scaler::fit(kValues, kNames, 1, 0, 4);
  EXPECT_DOUBLE_EQ(scaler.center[0], 2.5);
  EXPECT_DOUBLE_EQ(scaler.scale[0], std::sqrt(1.25));
  EXPECT_EQ(scaler.center[1], 7);
  EXPECT_EQ(scaler.scale[1], 1);  // a constant column
  std::vector<double> other = kValues;
  other[8] = -1e9;
  EXPECT_EQ(Scaler::fit(other, kNames, 1, 0, 4).center, scaler.center);
  const auto scaled = scaler.transform(kValues);
  EXPECT_FLOAT_EQ(scaled[0], static_cast<float>(-1.5 / std::sqrt(1.25)));
  EXPECT_EQ(scaled[8], 5.0f);  // clipped
  EXPECT_TRUE(std::isnan(scaled[5]));
}

TEST(Scaler, RobustUsesMedianAndQuartiles) {
  const Scaler scaler = Scaler::fit(kValues, kNames, 1, 0, 5, {.kind = "robust", .clip = 0});
  EXPECT_DOUBLE_EQ(scaler.center[0], 3);
  EXPECT_DOUBLE_EQ(scaler.scale[0], 2 / 1.3489795003921634);
  EXPECT_EQ(scaler.scale[1], 1);
  EXPECT_FLOAT_EQ(scaler.apply(100, 0), static_cast<float>(97 * 1.3489795003921634 / 2));
  const std::vector<double> spiked = {0, 0, 0, 0, 0, 0, 0, 8};
  const Scaler fallback = Scaler::fit(spiked, {"x"}, 1, 0, 8, {.kind = "robust"});
  EXPECT_DOUBLE_EQ(fallback.scale[0], std::sqrt(7.0));
}

TEST(Scaler, ConstantsThatAreNotExactInBinaryHaveScaleOne) {
  const std::vector<double> values(1000, 0.1);
  EXPECT_EQ(Scaler::fit(values, {"x"}, 10, 0, 100).scale[0], 1);
}

TEST(Scaler, NoneOnlyClips) {
  const Scaler scaler = Scaler::fit(kValues, kNames, 1, 0, 5, {.kind = "none", .clip = 3});
  EXPECT_EQ(scaler.apply(2, 0), 2.0f);
  EXPECT_EQ(scaler.apply(-20, 0), -3.0f);
}

TEST(Scaler, BadInputIsNamed) {
  using market::testing::message_of;
  const std::vector<double> empty = {1, kNan, 2, kNan, 3, 5};
  EXPECT_CONTAINS(message_of<ValueError>([&] { Scaler::fit(empty, kNames, 1, 0, 2); }), "feature b has no value");
  EXPECT_CONTAINS(message_of<ValueError>([&] { Scaler::fit(kValues, kNames, 1, 2, 2); }), "training dates");
  EXPECT_CONTAINS(message_of<ValueError>([&] { Scaler::fit(kValues, kNames, 1, 0, 6); }), "training dates");
  EXPECT_CONTAINS(message_of<ValueError>([&] { Scaler::fit(kValues, kNames, 1, 0, 5, {.kind = "robst"}); }),
                  "did you mean \"robust\"?");
  EXPECT_CONTAINS(message_of<ValueError>([&] { Scaler::fit(kValues, kNames, 1, 0, 5, {.clip = -1}); }), "clip, was -1");
  EXPECT_THROW(Scaler::fit(kValues, kNames, 3, 0, 1), ShapeError);
  const Scaler scaler = Scaler::fit(kValues, kNames, 1, 0, 5);
  std::vector<float> out(3);
  EXPECT_THROW(scaler.transform(std::span(kValues).first(3), out), ShapeError);
}

}  // namespace
}  // namespace quantick::features
