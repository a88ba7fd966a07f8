#include "quantick/quant/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"

namespace quantick::quant {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> normals(int n, double scale, uint64_t seed) {
  std::vector<float> out(n);
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(scale * Key(seed).normal(i));
  return out;
}

TEST(Histogram, QuantilesLieWithinABinOfTheSortedValues) {
  for (const double scale : {1e-6, 1.0, 1e6}) {
    std::vector<float> values = normals(20'000, scale, 1);
    Histogram h;
    h.add(values);
    std::sort(values.begin(), values.end());
    for (const double q : {0.0, 0.0001, 0.01, 0.3, 0.5, 0.9, 0.9999, 1.0}) {
      // Between the two neighbours in rank.
      const double rank = q * (values.size() - 1);
      const double below = values[static_cast<size_t>(rank)], above = values[static_cast<size_t>(std::ceil(rank))];
      const double slack = std::max(std::fabs(below), std::fabs(above)) / 128 + 1e-4 * scale;
      EXPECT_GE(h.quantile(q), below - slack) << q;
      EXPECT_LE(h.quantile(q), above + slack) << q;
    }
    EXPECT_EQ(h.low(), values.front());
    EXPECT_EQ(h.high(), values.back());
  }
}

TEST(Histogram, OrderAndMergingDoNotMatter) {
  std::vector<float> values = normals(3'000, 1, 2);
  values.push_back(1e12f);
  values.push_back(-1e-30f);
  values.push_back(kNan);
  Histogram whole, reversed, first, second;
  whole.add(values);
  first.add(std::span(values).first(1'000));
  second.add(std::span(values).subspan(1'000));
  first.merge(second);
  std::reverse(values.begin(), values.end());
  reversed.add(values);
  for (const Histogram* h : {&reversed, &first}) {
    EXPECT_EQ(h->observed(), whole.observed());
    EXPECT_EQ(h->missing(), 1);
    for (double q = 0; q <= 1; q += 0.01) EXPECT_EQ(h->quantile(q), whole.quantile(q));
    EXPECT_EQ(h->equal_bins(16), whole.equal_bins(16));
  }
}

TEST(Histogram, NothingConstantAndOutliers) {
  Histogram nothing;
  nothing.add(std::vector<float>{kNan, kInfinity, -kInfinity});
  EXPECT_EQ(nothing.observed(), 0);
  EXPECT_EQ(nothing.missing(), 3);
  EXPECT_EQ(nothing.quantile(0.5), 0);
  EXPECT_EQ(nothing.low(), 0);
  EXPECT_EQ(nothing.equal_bins(4), (std::vector<int64_t>{0, 0, 0, 0}));

  Histogram constant;
  constant.add(std::vector<float>(100, 0.3f));
  EXPECT_EQ(constant.quantile(0.01), 0.3f);
  EXPECT_EQ(constant.quantile(0.99), 0.3f);

  Histogram outlier;
  outlier.add(normals(100'000, 1, 3));
  outlier.add(std::vector<float>{1e12f});
  EXPECT_NEAR(outlier.quantile(0.999), 3.09, 0.1);
  EXPECT_EQ(outlier.high(), 1e12f);
  EXPECT_THROW(outlier.quantile(1.5), ValueError);
}

TEST(Histogram, BinsAscendAndHoldEverything) {
  Histogram h;
  std::vector<float> values = normals(5'000, 1, 4);
  values.insert(values.end(), {0.0f, -0.0f, 1e12f, -1e-42f});
  h.add(values);
  int64_t count = 0;
  double before = -1e300;
  for (const HistogramBin& b : h.bins()) {
    EXPECT_LE(before, b.low);
    EXPECT_LE(b.low, b.high);
    const auto lies_within = [&](float x) { return x >= b.low && x <= b.high; };
    EXPECT_GE(std::count_if(values.begin(), values.end(), lies_within), b.count);
    count += b.count;
    before = b.high;
  }
  EXPECT_EQ(count, h.observed());
  EXPECT_TRUE(Histogram().bins().empty());
  Histogram zeros, negative_zeros;
  zeros.add(std::vector<float>{0.0f, -0.0f});
  negative_zeros.add(std::vector<float>{-0.0f, 0.0f});
  EXPECT_EQ(std::signbit(zeros.low()), std::signbit(negative_zeros.low()));
}

TEST(Histogram, EqualBinsCountEverything) {
  Histogram h;
  h.add(std::vector<float>{0, 0, 1, 2, 3, 4});
  EXPECT_EQ(h.equal_bins(4), (std::vector<int64_t>{2, 1, 1, 2}));
  EXPECT_THROW(h.equal_bins(0), ValueError);
}

}  // namespace
}  // namespace quantick::quant
