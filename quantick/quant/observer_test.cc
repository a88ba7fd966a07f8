#include "quantick/quant/observer.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"

namespace quantick::quant {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> normals(int n, uint64_t seed) {
  std::vector<float> out(n);
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(Key(seed).normal(i));
  return out;
}

TEST(Observer, DegenerateInputsGiveUsableRangesFromEveryObserver) {
  for (const std::string& name : observer_names()) {
    const auto nothing = make_observer(name);
    nothing->observe(std::vector<float>{kNan, kNan});
    EXPECT_EQ(nothing->range().low, 0) << name;
    EXPECT_EQ(nothing->range().high, 0) << name;
    EXPECT_EQ(nothing->histogram().missing(), 2) << name;
    const auto constant = make_observer(name);
    constant->observe(std::vector<float>(50, -2.5f));
    EXPECT_EQ(constant->range().low, -2.5) << name;
    EXPECT_EQ(constant->range().high, -2.5) << name;
  }
}

TEST(Observer, MissingCellsDoNotMoveTheRange) {
  for (const std::string& name : observer_names()) {
    const auto clean = make_observer(name), gappy = make_observer(name);
    clean->observe(std::vector<float>{-1, 2, 3});
    gappy->observe(std::vector<float>{kNan, -1, 2, kNan, 3, std::numeric_limits<float>::infinity()});
    EXPECT_EQ(clean->range().low, gappy->range().low) << name;
    EXPECT_EQ(clean->range().high, gappy->range().high) << name;
  }
}

TEST(Observer, MinMaxKeepsTheOutlierAndPercentileCutsIt) {
  std::vector<float> values = normals(100'000, 1);
  values[50] = 1e12f;
  const auto naive = make_observer("naive"), percentile = make_observer("percentile", {.percentile = 99.9});
  naive->observe(values);
  percentile->observe(values);
  EXPECT_EQ(naive->range().high, 1e12f);
  EXPECT_NEAR(percentile->range().high, 3.09, 0.1);
  EXPECT_NEAR(percentile->range().low, -3.09, 0.1);
  const auto all = make_observer("percentile", {.percentile = 100});
  all->observe(values);
  EXPECT_EQ(all->range().high, 1e12f);
}

TEST(Observer, MergedHalvesEqualTheWhole) {
  const std::vector<float> values = normals(10'000, 2);
  for (const std::string name : {"naive", "percentile"}) {
    const auto whole = make_observer(name), a = make_observer(name), b = make_observer(name);
    whole->observe(values);
    a->observe(std::span(values).first(3'000));
    b->observe(std::span(values).subspan(3'000));
    a->merge(*b);
    EXPECT_EQ(a->range().low, whole->range().low);
    EXPECT_EQ(a->range().high, whole->range().high);
  }
  EXPECT_THROW(make_observer("naive")->merge(*make_observer("percentile")), TypeError);
}

TEST(Observer, MovingAverageFollowsTheBatches) {
  const auto average = make_observer("moving_average", {.momentum = 0.75});
  average->observe(std::vector<float>{-1, 1});
  average->observe(std::vector<float>{-5, 3});
  EXPECT_DOUBLE_EQ(average->range().low, -2);
  EXPECT_DOUBLE_EQ(average->range().high, 1.5);
  const auto other = make_observer("moving_average", {.momentum = 0.75});
  other->observe(std::vector<float>{-8, 0});
  average->merge(*other);
  EXPECT_DOUBLE_EQ(average->range().low, -4);
  EXPECT_DOUBLE_EQ(average->range().high, 1);
}

TEST(Observer, UnknownNamesAndOptionsAreRefused) {
  try {
    make_observer("percentil");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"percentile\""), std::string::npos) << error.what();
  }
  EXPECT_THROW(make_observer("percentile", {.percentile = 50}), ValueError);
  EXPECT_THROW(make_observer("moving_average", {.momentum = 1}), ValueError);
}

}  // namespace
}  // namespace quantick::quant
