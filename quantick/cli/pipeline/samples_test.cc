#include "quantick/cli/pipeline/samples.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/train/predict.h"

namespace quantick::cli {
namespace {

using market::Date;
using market::kMissing;

constexpr Date kFirst{0}, kLast{1000};

/// Eight dates, three instruments; price 10 + t + n; feature of (t, n) is 10 t + n. B has no price on date 5, so that
/// labels of dates 3 and 4 miss; C has no features before date 2.
struct Small {
  market::Panel panel;
  std::vector<float> features;
  Small() {
    panel.instruments = {"A", "B", "C"};
    panel.price_field = "close";
    std::vector<double> close;
    for (int t = 0; t < 8; ++t) {
      panel.dates.push_back(Date{t});
      for (int n = 0; n < 3; ++n) {
        close.push_back(t == 5 && n == 1 ? kMissing : 10 + t + n);
        features.push_back(t < 2 && n == 2 ? NAN : static_cast<float>(10 * t + n));
      }
    }
    panel.add_field("close", close);
  }
};

RunConfig config_of(const char* model) {
  RunConfig config;
  config.model.name = model;
  return config;
}

TEST(Samples, WholeDatesHoldTheWindowsOfAllInstruments) {
  const Small small;
  const features::WindowDataset windows(small.panel, small.features, 1, {.window = 2, .horizon = 1});
  const auto list = windows.labelled(kFirst, kLast);
  const auto samples = make_samples(config_of("CrossTransformer"), windows, list);
  EXPECT_EQ(samples->size(), 5);  // dates 1 to 5
  EXPECT_EQ(samples->steps(), 3);
  EXPECT_EQ(samples->features(), 2);
  EXPECT_EQ(samples->outputs(), 3);
  const std::vector<int64_t> ids{0, 2};  // dates 1 and 3
  const Array x = train::batch_inputs(*samples, ids, samples->layout());
  EXPECT_EQ(x.shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{0, 10, 1, 11, 0, 0, 20, 30, 21, 31, 22, 32}));
}

TEST(Samples, AMissingLabelHasNoWeightButItsFeaturesStay) {
  const Small small;
  const features::WindowDataset windows(small.panel, small.features, 1, {.window = 2, .horizon = 1});
  const auto list = windows.labelled(kFirst, kLast);
  const auto samples = make_samples(config_of("CrossTransformer"), windows, list);
  const std::vector<int64_t> id{2};  // date 3: B's label needs the price of date 5
  std::vector<float> x(6), y(3), weights(3);
  samples->gather(id, x.data(), y.data());
  samples->gather_weights(id, weights.data());
  EXPECT_EQ(weights, (std::vector<float>{1, 0, 1}));
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(15.0 / 14 - 1));
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(x[2], 21);
  // Scores come back for the ids of the list alone, in its order.
  std::vector<float> outputs(15);
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = static_cast<float>(i);
  const auto scores = samples->per_id(outputs);
  ASSERT_EQ(scores.size(), list.ids.size());
  const auto matrix = to_matrix(windows, list, scores);
  EXPECT_EQ(matrix.date_count(), 5);
  EXPECT_EQ(matrix.row(2)[0], 6);
  EXPECT_TRUE(std::isnan(matrix.row(2)[1]));
  EXPECT_EQ(matrix.row(2)[2], 8);
}

TEST(Samples, IntradayScoresStandInARowPerDay) {
  Small small;
  for (int t = 0; t < 8; ++t) {
    small.panel.dates[static_cast<size_t>(t)] = Date{t / 4};
    small.panel.seconds.push_back(34200 + 300 * (t % 4));
  }
  const features::WindowDataset windows(small.panel, small.features, 1, {.window = 1, .horizon = 1});
  const auto list = windows.predictable(kFirst, kLast);
  std::vector<float> values(list.ids.size(), 2);
  const auto matrix = to_matrix(windows, list, values);
  EXPECT_EQ(matrix.date_count(), 2);
  ASSERT_EQ(matrix.instrument_count(), 12);
  EXPECT_EQ(matrix.instruments[4], "09:35 B");
  EXPECT_TRUE(std::isnan(matrix.row(0)[2])) << "C has no features at the first bar";
  EXPECT_TRUE(std::isnan(matrix.row(1)[4])) << "B has no price at the second bar of the second day";
  EXPECT_EQ(matrix.row(1)[3], 2);
  const auto samples = make_samples(config_of("LSTM"), windows, list);
  EXPECT_EQ(samples->group(0), samples->group(8));
  EXPECT_THROW(make_samples(config_of("CrossTransformer"), windows, list), ValueError);
}

}  // namespace
}  // namespace quantick::cli
