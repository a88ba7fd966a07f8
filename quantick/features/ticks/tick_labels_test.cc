#include "quantick/features/ticks/tick_labels.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"
#include "quantick/market/test_files.h"

namespace quantick::features {
namespace {

TickPoint point(int64_t seconds, double mid, bool tick = true, int32_t instrument = 0, int64_t session = 0) {
  return {.time = seconds * 1'000'000'000,
          .session = session,
          .mid = mid,
          .instrument = instrument,
          .accepted = true,
          .tick = tick};
}

TEST(TickLabels, AfterTicks) {
  const std::vector<TickPoint> points{point(1, 100),
                                      point(2, 100, false),
                                      point(3, 101),
                                      point(4, 50, true, 1),
                                      point(5, 102),
                                      point(6, 51, true, 1),
                                      point(700, 10, true, 0, 1),
                                      point(701, 11, true, 0, 1)};
  const TickLabels labels = forward_mid_returns(points, {.ticks = 1});
  EXPECT_EQ(labels.rows, (std::vector<int64_t>{0, 2, 3, 6}));
  EXPECT_EQ(labels.values, (std::vector<float>{101.0 / 100 - 1, 102.0 / 101 - 1, 51.0 / 50 - 1, 11.0 / 10 - 1}));
  EXPECT_EQ(labels.dropped, 3) << "the last ticks of both instruments and of the first session";
  EXPECT_EQ(forward_mid_returns(points, {.ticks = 2}).rows, (std::vector<int64_t>{0}));
}

TEST(TickLabels, AfterATimeItIsTheLastMidUpToThere) {
  const std::vector<TickPoint> points{point(1, 100), point(3, 110), point(3, 120), point(4, 130), point(6, 120, false)};
  const TickLabels labels = forward_mid_returns(points, {.seconds = 2});
  EXPECT_EQ(labels.rows, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_FLOAT_EQ(labels.values[0], 0.2f) << "of two at the horizon, the later one";
  EXPECT_FLOAT_EQ(labels.values[1], static_cast<float>(130.0 / 110 - 1));
  EXPECT_EQ(labels.values[3], 0) << "nothing came, and an event behind the horizon shows it";
  EXPECT_EQ(labels.dropped, 0);
  EXPECT_EQ(forward_mid_returns(points, {.seconds = 2.5}).dropped, 1);
}

TEST(TickLabels, PointsThatWereNotAcceptedAreNoEvents) {
  TickPoint outside = point(9, 0, false);
  outside.accepted = false;
  const std::vector<TickPoint> points{point(1, 100), point(2, 110), outside};
  const TickLabels labels = forward_mid_returns(points, {.seconds = 1});
  EXPECT_EQ(labels.rows, (std::vector<int64_t>{0}));
  EXPECT_EQ(labels.dropped, 1) << "what was refused does not show that the data reach so far";
}

TEST(TickLabels, NoReturnOnAMidOfZero) {
  const std::vector<TickPoint> points{point(1, 1), point(2, 0), point(3, 1), point(4, 1)};
  const TickLabels labels = forward_mid_returns(points, {.ticks = 1});
  EXPECT_EQ(labels.rows, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(labels.dropped, 2);
}

TEST(TickLabels, NoneReachesOverAReset) {
  TickFeatureSet set(std::vector<std::string>{"spread"});
  std::vector<TickPoint> points;
  float row = 0;
  for (int64_t second = 1; second <= 4; ++second) {
    if (second == 3) set.reset();
    const double bid = 99 + static_cast<double>(second);
    points.push_back(set.update(
        {.receipt_time = second * 1'000'000'000, .has_quote = true, .quote = {bid, bid + 2, 1, 1}}, {&row, 1}));
  }
  EXPECT_EQ(forward_mid_returns(points, {.ticks = 1}).rows, (std::vector<int64_t>{0, 2}));
}

TEST(TickLabels, RefusesOtherThanOneHorizon) {
  for (const TickLabelOptions& options :
       {TickLabelOptions{}, {.ticks = 1, .seconds = 1}, {.ticks = -1}, {.seconds = -1}}) {
    EXPECT_CONTAINS(market::testing::message_of<ValueError>([&] { forward_mid_returns({}, options); }),
                    "expected one of them above zero");
  }
}

}  // namespace
}  // namespace quantick::features
