#include "quantick/quant/observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
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

TEST(Observer, AdversarialInputsGiveRangesWithinWhatWasSeen) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kLargest = std::numeric_limits<float>::max();
  std::vector<float> outlier = normals(1'000, 3), last_bin(500, 1.0f), log_uniform;
  outlier[10] = 1e12f;
  last_bin.push_back(-0.001f);
  for (int i = -140; i < 120; ++i) log_uniform.push_back(std::ldexp(i % 2 == 0 ? 1.0f : -1.0f, i));
  const std::vector<std::vector<float>> cases{{},
                                              {kNan, kInfinity, -kInfinity},
                                              std::vector<float>(100, 0.0f),
                                              {-0.0f},
                                              {3.5f},
                                              {-1e-42f, 1e-42f, 3e-40f},
                                              {1e-45f},
                                              {-kLargest, kLargest, 0, 1},
                                              {kInfinity, 1, 2, kNan},
                                              outlier,
                                              last_bin,
                                              log_uniform};
  for (const std::string& name : observer_names())
    for (size_t i = 0; i < cases.size(); ++i) {
      const auto observer = make_observer(name);
      observer->observe(cases[i]);
      for (const int bits : {2, 4, 8, 16})
        for (const bool symmetric : {false, true}) {
          const ObservedRange r = observer->range_for(bits, symmetric);
          EXPECT_TRUE(std::isfinite(r.low) && std::isfinite(r.high)) << name << i;
          EXPECT_LE(r.low, r.high) << name << i;
          EXPECT_GE(r.low, observer->histogram().low()) << name << i;
          EXPECT_LE(r.high, observer->histogram().high()) << name << i;
        }
    }
}

TEST(Observer, MassAtTheEdgeKeepsTheWholeRange) {
  // MXNet's worst case for its threshold: everything in the last bin.
  for (const std::string& name : observer_names()) {
    const auto observer = make_observer(name, {.percentile = 100, .symmetric = true});
    observer->observe(std::vector<float>(1000, 2.0f));
    EXPECT_EQ(observer->range().high, 2.0f) << name;
  }
}

/// Expected squared error of `values` on the grid of a range, from the values themselves.
double squared_error(const std::vector<float>& values, const ObservedRange& range, int bits, bool symmetric) {
  const double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  const double top = std::ldexp(1.0, bits - 1) - 1;
  const double scale = symmetric ? std::max(-low, high) / top : (high - low) / (2 * top + 1);
  const double zero = symmetric ? 0 : std::nearbyint(-top - 1 - low / scale);
  double sum = 0;
  for (const float x : values) {
    const double q = std::clamp(std::nearbyint(x / scale) + zero, symmetric ? -top : -top - 1, top);
    sum += std::pow(x - (q - zero) * scale, 2);
  }
  return sum / static_cast<double>(values.size());
}

TEST(Observer, MseFindsTheRangeOfLeastError) {
  std::vector<float> heavy = normals(4'000, 4), skewed = normals(4'000, 5);
  for (float& x : heavy) x = x * x * x;
  for (float& x : skewed) x = x > 0 ? 3 * x * x : 0.1f * x;
  for (const auto& values : {heavy, skewed, normals(4'000, 6)})
    for (const int bits : {2, 4, 8})
      for (const bool symmetric : {false, true}) {
        const auto mse = make_observer("mse", {.bits = bits, .symmetric = symmetric});
        mse->observe(values);
        const double got = squared_error(values, mse->range(), bits, symmetric);
        const ObservedRange all{mse->histogram().low(), mse->histogram().high()};
        double least = squared_error(values, all, bits, symmetric);
        for (double high = all.high; high > 0.05; high *= 0.9)
          for (double low = all.low; low < -0.01; low *= 0.9) {
            if (symmetric) low = -high;
            least = std::min(least, squared_error(values, {low, high}, bits, symmetric));
            if (symmetric) break;
          }
        EXPECT_LE(got, least * 1.03) << bits << symmetric << " " << mse->range().low << " " << mse->range().high;
      }
}

TEST(Observer, MseKeepsWhatItCannotRoundAway) {
  std::vector<float> values = normals(10'000, 1);
  values[3] = 1e12f;
  const auto mse = make_observer("mse");
  mse->observe(values);
  EXPECT_GT(mse->range().high, 0.98e12);
  // Values on a grid of 8 bits: no range is better than all of it.
  std::vector<float> codes;
  for (int i = -128; i < 128; ++i) codes.push_back(static_cast<float>(i));
  const auto exact = make_observer("mse");
  exact->observe(codes);
  EXPECT_EQ(exact->range().low, -128);
  EXPECT_EQ(exact->range().high, 127);
}

TEST(Observer, EntropyKeepsAUniformRangeAndCutsOutliers) {
  std::vector<float> uniform(12'696);
  for (size_t i = 0; i < uniform.size(); ++i) uniform[i] = static_cast<float>(-10.532 + 21.8753 * Key(7).uniform(i));
  for (const bool symmetric : {false, true}) {
    const auto even = make_observer("entropy", {.symmetric = symmetric});
    even->observe(uniform);
    EXPECT_NEAR(even->range().high, 11.3433, 0.05 * 11.3433) << symmetric;
    EXPECT_NEAR(even->range().low, -10.532, 0.05 * 10.532) << symmetric;
    for (const float outlier : {40.0f, 1000.0f, 1e12f})
      for (const int bits : {4, 8, 16}) {
        std::vector<float> values = normals(20'000, 8);
        values[5] = outlier;
        const auto cut = make_observer("entropy", {.bits = bits, .symmetric = symmetric});
        cut->observe(values);
        if (bits < 16 || outlier > 40) {
          EXPECT_LT(cut->range().high, 6) << outlier << bits << symmetric;
        }
        EXPECT_GT(cut->range().high, 2) << outlier << bits << symmetric;
        EXPECT_LT(cut->range().low, -2) << outlier << bits << symmetric;
      }
  }
}

TEST(Observer, EntropyIgnoresTheZerosOfARelu) {
  std::vector<float> values = normals(40'000, 9), clipped;
  for (float& x : values) x = std::fabs(x);
  clipped = values;
  clipped.insert(clipped.end(), 400'000, 0.0f);
  const auto without = make_observer("entropy"), with = make_observer("entropy");
  without->observe(values);
  with->observe(clipped);
  EXPECT_NEAR(without->range().high, with->range().high, 0.4);
  EXPECT_EQ(with->range().low, 0);
  EXPECT_GT(with->range().high, 3);
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
  for (const std::string& name : observer_names()) {
    if (name == "moving_average") continue;  // depends on the batches
    const auto whole = make_observer(name), a = make_observer(name), b = make_observer(name), c = make_observer(name);
    whole->observe(values);
    a->observe(std::span(values).first(3'000));
    b->observe(std::span(values).subspan(3'000, 5'000));
    c->observe(std::span(values).subspan(8'000));
    c->merge(*a);
    c->merge(*b);
    EXPECT_EQ(c->range().low, whole->range().low) << name;
    EXPECT_EQ(c->range().high, whole->range().high) << name;
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
  EXPECT_THROW(make_observer("entropy", {.bits = 1}), ValueError);
  EXPECT_THROW(make_observer("mse", {.bits = 17}), ValueError);
}

}  // namespace
}  // namespace quantick::quant
