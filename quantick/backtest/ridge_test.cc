#include "quantick/backtest/ridge.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"

namespace quantick::backtest {
namespace {

Samples line(int64_t n, double noise, uint64_t seed = 1) {
  Samples s;
  s.features = 3;
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t u = static_cast<uint64_t>(i) * 4;
    const double a = 5 + 2 * Key(seed).normal(u), b = -1 + 0.1 * Key(seed).normal(u + 1);
    s.x.insert(s.x.end(), {a, b, 7.0});  // the third feature is constant
    s.y.push_back(0.5 * a - 3 * b + 2 + noise * Key(seed).normal(u + 2));
    s.date.push_back(static_cast<int32_t>(i / 10));
    s.instrument.push_back(static_cast<int32_t>(i % 10));
  }
  return s;
}

TEST(Ridge, FindsTheLineWithoutPenalty) {
  const RidgeModel model = fit_ridge(line(200, 0), std::vector<double>{0})[0];
  EXPECT_NEAR(model.weights[0], 0.5, 1e-12);
  EXPECT_NEAR(model.weights[1], -3, 1e-11);
  EXPECT_EQ(model.weights[2], 0);
  EXPECT_NEAR(model.predict(std::vector<double>{4, 1, 7})[0], 0.5 * 4 - 3 + 2, 1e-11);
}

TEST(Ridge, OneFeatureShrinksByTheClosedForm) {
  Samples s;
  s.features = 1;
  s.x = {-1, 1, -1, 1};
  s.y = {-2, 2, -2, 2};
  s.date = {0, 0, 1, 1};
  s.instrument = {0, 1, 0, 1};
  EXPECT_DOUBLE_EQ(fit_ridge(s, std::vector<double>{1})[0].weights[0], 1) << "2 / (1 + lambda)";
  EXPECT_DOUBLE_EQ(fit_ridge(s, std::vector<double>{3})[0].weights[0], 0.5);
}

TEST(Ridge, GradientVanishesAtTheMinimum) {
  const Samples s = line(300, 2);
  const double lambda = 0.3;
  const RidgeModel model = fit_ridge(s, std::vector<double>{lambda})[0];
  const auto predicted = model.predict(s.x);
  for (size_t j = 0; j < 2; ++j) {
    double mean = 0, square = 0, slope = 0;
    for (size_t i = 0; i < 300; ++i) mean += s.x[i * 3 + j] / 300;
    for (size_t i = 0; i < 300; ++i) {
      square += (s.x[i * 3 + j] - mean) * (s.x[i * 3 + j] - mean) / 300;
      slope += (predicted[i] - s.y[i]) * (s.x[i * 3 + j] - mean) / 300;
    }
    EXPECT_NEAR(slope + lambda * model.weights[j] * square, 0, 1e-12) << j;
  }
}

TEST(Ridge, ChoosesByValidationAndCountsTrials) {
  const std::vector<double> lambdas{0, 0.1, 10, 1000};
  const RidgeChoice choice = choose_ridge(line(400, 1), line(200, 1, 2), lambdas);
  ASSERT_EQ(choice.trials.size(), 4u);
  double best = -1;
  for (const RidgeTrial& trial : choice.trials) best = std::max(best, trial.validation_rank_ic);
  for (const RidgeTrial& trial : choice.trials) {
    if (trial.lambda == choice.model.lambda) {
      EXPECT_EQ(trial.validation_rank_ic, best);
    }
  }
  EXPECT_GT(best, 0.5);
}

TEST(Ridge, ScoresStandWhereTheirSamplesDo) {
  Samples s = line(3, 0);
  s.date = {0, 1, 1};
  s.instrument = {1, 0, 1};
  const auto scores = to_scores(s, std::vector<double>{5, 6, 7}, {{1}, {2}}, {"A", "B"});
  EXPECT_TRUE(std::isnan(scores.values[0]));
  EXPECT_EQ(scores.values[1], 5);
  EXPECT_EQ(scores.values[2], 6);
  EXPECT_EQ(scores.values[3], 7);
  s.date[0] = 2;
  EXPECT_THROW(to_scores(s, std::vector<double>{5, 6, 7}, {{1}, {2}}, {"A", "B"}), IndexError);
}

TEST(Ridge, RefusesNonsense) {
  Samples twins = line(50, 1);
  for (size_t i = 0; i < 50; ++i) twins.x[i * 3 + 1] = 2 * twins.x[i * 3];
  EXPECT_THROW(fit_ridge(twins, std::vector<double>{0}), ValueError);
  EXPECT_EQ(fit_ridge(twins, std::vector<double>{0.1}).size(), 1u);
  Samples s = line(50, 1);
  EXPECT_THROW(fit_ridge(s, std::vector<double>{-1}), ValueError);
  EXPECT_THROW(choose_ridge(s, s, {}), ValueError);
  s.x[4] = NAN;
  try {
    fit_ridge(s, std::vector<double>{1});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "[ridge] training: feature 1 of sample 1, was nan, expected a finite number");
  }
}

}  // namespace
}  // namespace quantick::backtest
