#include "quantick/risk/volatility_regime.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"

namespace quantick::risk {
namespace {

std::vector<double> returns_with_a_storm() {
  std::vector<double> r;
  for (uint64_t t = 0; t < 300; ++t) r.push_back(Key(5).normal(t) * (t < 150 || t >= 200 ? 0.01 : 0.05));
  for (int t = 0; t < 60; ++t) r.push_back(0.0001);
  return r;
}

TEST(VolatilityRegime, StormThenCalm) {
  const auto regimes = volatility_regimes(returns_with_a_storm(), {});
  EXPECT_EQ(regimes[58], Regime::unknown);
  EXPECT_NE(regimes[59], Regime::unknown);
  EXPECT_EQ(regimes[190], Regime::stormy);
  EXPECT_EQ(regimes[359], Regime::calm);
}

TEST(VolatilityRegime, CuttingTheFutureChangesNothing) {
  const std::vector<double> r = returns_with_a_storm();
  const auto all = volatility_regimes(r, {});
  const auto cut = volatility_regimes(std::span(r).first(170), {});
  for (size_t t = 0; t < cut.size(); ++t) EXPECT_EQ(cut[t], all[t]) << t;
}

TEST(VolatilityRegime, RefusesNonsense) {
  EXPECT_THROW(VolatilityRegime({.decay = 1}), ValueError);
  EXPECT_THROW(VolatilityRegime({.calm_below = 0.8}), ValueError);
  VolatilityRegime regime;
  EXPECT_THROW(regime.update(std::numeric_limits<double>::infinity()), ValueError);
}

}  // namespace
}  // namespace quantick::risk
