#include "quantick/core/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace quantick {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  using Four = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // Digits of pi.
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};

template <class Draw>
Moments moments(int n, Draw draw) {
  std::vector<double> values(static_cast<size_t>(n));
  Moments m;
  for (int i = 0; i < n; ++i) m.mean += (values[static_cast<size_t>(i)] = draw(static_cast<uint64_t>(i))) / n;
  for (double x : values) m.variance += (x - m.mean) * (x - m.mean) / n;
  for (double x : values) {
    const double z = (x - m.mean) / std::sqrt(m.variance);
    m.skew += z * z * z / n;
    m.kurtosis += z * z * z * z / n;
  }
  return m;
}

constexpr int kDraws = 200'000;

// Bounds are five standard errors of the sample moments.
TEST(Key, UniformHasTheMomentsOfTheUniform) {
  const Key key(1);
  const auto m = moments(kDraws, [&](uint64_t i) { return key.uniform(i); });
  EXPECT_NEAR(m.mean, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(m.variance, 1.0 / 12, 5 * std::sqrt(1.0 / 180 / kDraws));
  EXPECT_NEAR(m.kurtosis, 1.8, 0.02);
}

TEST(Key, NormalHasTheMomentsOfTheNormal) {
  const Key key(2);
  const auto m = moments(kDraws, [&](uint64_t i) { return key.normal(i); });
  EXPECT_NEAR(m.mean, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(m.variance, 1, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(m.skew, 0, 5 * std::sqrt(6.0 / kDraws));
  EXPECT_NEAR(m.kurtosis, 3, 5 * std::sqrt(24.0 / kDraws));
}

TEST(Key, UniformStaysBelowOne) {
  const Key key(3);
  for (uint64_t i = 0; i < 10'000; ++i) {
    const double x = key.uniform(i);
    ASSERT_TRUE(x >= 0 && x < 1) << x;
    ASSERT_EQ(std::ldexp(x, 53), std::floor(std::ldexp(x, 53)));
  }
}

TEST(Key, BelowReachesEveryValueAboutEquallyOften) {
  const Key key(4);
  std::vector<int> counts(7);
  for (uint64_t i = 0; i < 70'000; ++i) ++counts.at(key.below(i, 7));
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
  EXPECT_LT(chi_square, 22.46) << "0.1 % point for 6 degrees of freedom";
  EXPECT_EQ(key.below(9, 1), 0u);
}

TEST(Key, ValueDependsOnKeyAndIndexAlone) {
  const Key key(5), same(5);
  const uint64_t late = key.bits(1'000'000);
  for (uint64_t i = 0; i < 100; ++i) key.bits(i);
  EXPECT_EQ(same.bits(1'000'000), late);
  EXPECT_EQ(Key(5).fold("dropout").fold(7).bits(3), Key(5).fold("dropout").fold(7).bits(3));
}

TEST(Key, FoldsDifferFromEachOtherAndFromTheirParent) {
  const Key key(6);
  std::set<uint64_t> keys{key.value()};
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_TRUE(keys.insert(key.fold(i).value()).second) << i;
  for (const char* name : {"", "a", "b", "ab", "ba", "dropout", "shuffle"})
    EXPECT_TRUE(keys.insert(key.fold(name).value()).second) << name;
  EXPECT_NE(key.fold(1).fold(2).value(), key.fold(2).fold(1).value());
}

// A fold must not be a value of the same key in disguise, nor march with its sister.
TEST(Key, FoldsAreUncorrelated) {
  const Key a = Key(7).fold("a"), b = Key(7).fold("b");
  double correlation = 0;
  for (uint64_t i = 0; i < kDraws; ++i) correlation += 12 * (a.uniform(i) - 0.5) * (b.uniform(i) - 0.5) / kDraws;
  EXPECT_NEAR(correlation, 0, 5 / std::sqrt(kDraws));
  EXPECT_NE(Key(7).fold(3).value(), Key(7).bits(3));
}

}  // namespace
}  // namespace quantick
