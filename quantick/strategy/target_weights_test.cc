#include "quantick/strategy/target_weights.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/strategy/registry.h"

namespace quantick::strategy {
namespace {

const std::vector<std::string> kNames{"A", "B", "C", "D"};
const std::vector<uint8_t> kAll(4, 1);

TEST(TargetWeights, HoldsWhatIsGiven) {
  TargetWeights strategy({}, kNames);
  const std::vector<double> weights{0.5, NAN, -0.25, 0.1}, held{0.1, 0.2, 0, 0.3};
  const std::vector<uint8_t> without_d{1, 1, 1, 0};
  const Target target = strategy.on_scores({{1}, weights, without_d, held});
  EXPECT_EQ(target.weights, (std::vector<double>{0.5, 0.2, -0.25, 0.3}));
  EXPECT_EQ(target.keep, (std::vector<uint8_t>{0, 1, 0, 1})) << "no weight, no price: as they stand";
  EXPECT_EQ(strategy.shortfalls(), 1);
  const std::vector<double> nothing(4, NAN), out(4, 0.0);
  EXPECT_EQ(strategy.on_scores({{2}, nothing, kAll, held}).keep, std::vector<uint8_t>(4, 1));
  const Target sold = strategy.on_scores({{3}, out, kAll, held});
  EXPECT_EQ(sold.weights, out);
  EXPECT_EQ(sold.keep, std::vector<uint8_t>(4, 0));
  EXPECT_EQ(strategy.ties().decisions, 0);
}

TEST(TargetWeights, EveryFewDates) {
  TargetWeights strategy({.rebalance = 2}, kNames);
  const std::vector<double> weights(4, 0.25), held(4, 0.1);
  EXPECT_EQ(strategy.on_scores({{1}, weights, kAll, held}).weights, weights);
  EXPECT_EQ(strategy.on_scores({{2}, weights, kAll, held}).weights, held);
  EXPECT_EQ(strategy.on_scores({{3}, weights, kAll, held}).weights, weights);
}

TEST(TargetWeights, LimitsRefuseOrScale) {
  const std::vector<double> weights{0.8, 0.8, 0, NAN}, held{0, 0, 0, 0.4};
  const auto refusal = [&](const TargetWeightsOptions& options) -> std::string {
    try {
      TargetWeights(options, kNames).on_scores({{18262}, weights, kAll, held});
    } catch (const ValueError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(refusal({}).find("2020-01-01: max_net of the weights, was 1.6, expected at most 1"), std::string::npos);
  EXPECT_NE(refusal({.max_weight = 0.5, .max_net = 2})
                .find("max_weight of the weights (A), was 0.8, expected at most "
                      "0.5"),
            std::string::npos);
  EXPECT_EQ(refusal({.max_net = 2}), "accepted") << "what stays as it stands is not looked at";
  TargetWeights scaled({.max_weight = 0.6, .max_gross = 0.8, .beyond = "scale"}, kNames);
  const Target target = scaled.on_scores({{1}, weights, kAll, held});
  EXPECT_NEAR(target.weights[0], 0.3, 1e-15);
  EXPECT_NEAR(target.weights[3], 0.2, 1e-15);
  EXPECT_EQ(target.keep, std::vector<uint8_t>({0, 0, 0, 0}));
  EXPECT_THROW(TargetWeights({.max_gross = 0}, kNames), ValueError);
  EXPECT_THROW(TargetWeights({.beyond = "clip"}, kNames), ValueError);
  EXPECT_THROW(TargetWeights({.rebalance = 0}, kNames), ValueError);
}

TEST(TargetWeights, ByName) { EXPECT_NO_THROW(make_strategy(default_strategy_options("TargetWeights"), kNames)); }

}  // namespace
}  // namespace quantick::strategy
