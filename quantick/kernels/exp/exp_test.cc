#include "quantick/kernels/exp/exp.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/exp/exp_value.h"

namespace quantick::kernels {
namespace {

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }

TEST(Exp, EveryInstructionSetGivesTheOracleBitsOverAllFloatPatterns) {
  constexpr uint32_t kStride = 397;  // 10.8 million patterns: every exponent, both signs, denormals, infinities, NaN
  std::vector<float> x;
  for (uint64_t pattern = 0; pattern < (uint64_t{1} << 32); pattern += kStride)
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(pattern)));
  for (const float border : {kExpLowest, kExpHighest, 0.0f})
    for (const float v : {border, std::nextafter(border, 100.0f), std::nextafter(border, -100.0f)}) x.push_back(v);
  std::vector<float> want(x.size()), got(x.size());
  exp_f32(x.data(), want.data(), static_cast<int64_t>(x.size()), Isa::scalar);
  for (Isa isa : supported_isas()) {
    exp_f32(x.data(), got.data(), static_cast<int64_t>(x.size()), isa);
    EXPECT_EQ(0, std::memcmp(got.data(), want.data(), 4 * x.size())) << isa_name(isa);
  }
}

TEST(Exp, IsWithinOneUlpAndMonotone) {
  double largest = 0;
  float before = 0;
  for (int i = -870000; i <= 887200; ++i) {
    const float x = static_cast<float>(i) * 1e-4f, y = exp_value(x);
    ASSERT_GE(y, before) << x;
    before = y;
    if (x < kExpLowest) continue;
    ASSERT_TRUE(std::isnormal(y)) << x;
    largest = std::max(largest, std::fabs(y / std::exp(static_cast<double>(x)) - 1));
  }
  EXPECT_LT(largest, 0x1p-23);
}

TEST(Exp, SpecialValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp_value(0.0f), 1.0f);
  EXPECT_EQ(exp_value(-0.0f), 1.0f);
  EXPECT_GT(exp_value(kExpLowest), 0.0f);
  EXPECT_EQ(bits(exp_value(std::nextafter(kExpLowest, -100.0f))), 0u);
  EXPECT_EQ(bits(exp_value(-infinity)), 0u);
  EXPECT_TRUE(std::isfinite(exp_value(kExpHighest)));
  EXPECT_EQ(exp_value(std::nextafter(kExpHighest, 100.0f)), infinity);
  EXPECT_EQ(exp_value(infinity), infinity);
  EXPECT_EQ(bits(exp_value(std::bit_cast<float>(0xffc12345u))), 0x7fc00000u);
}

TEST(Exp, TailsAndInPlaceCalls) {
  for (Isa isa : supported_isas())
    for (int n = 0; n < 40; ++n) {
      std::vector<float> x(n + 1), y(n + 1, 7.0f);
      for (int i = 0; i <= n; ++i) x[i] = static_cast<float>(i - 31) * 0.37f;
      exp_f32(x.data(), y.data(), n, isa);
      for (int i = 0; i < n; ++i) ASSERT_EQ(bits(y[i]), bits(exp_value(x[i])));
      EXPECT_EQ(y[n], 7.0f) << "wrote past the end";
      std::vector<float> z = x;
      exp_f32(z.data(), z.data(), n, isa);
      for (int i = 0; i < n; ++i) ASSERT_EQ(bits(z[i]), bits(y[i]));
    }
}

TEST(Exp, LogIsWithinTwoUlpFromOneOn) {
  for (int i = 0; i < 2000000; ++i) {
    const float x = std::bit_cast<float>(std::bit_cast<uint32_t>(1.0f) + static_cast<uint32_t>(i) * 97);
    const double truth = std::log(static_cast<double>(x));
    ASSERT_LE(std::fabs(log_value(x) - truth), 0x1p-22 * truth) << x;
  }
  EXPECT_EQ(bits(log_value(1.0f)), 0u);
}

TEST(Softmax, InstructionSetsAndStridesGiveTheSameBitsAndTheSumOne) {
  for (const int64_t n : {1, 2, 15, 16, 17, 40, 257, 600})
    for (const double size : {0.01, 3.0, 40.0}) {
      const Key key = Key(5).fold(static_cast<uint64_t>(n));
      std::vector<float> x(n), want(n), want_log(n);
      for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(size * key.normal(i));
      softmax_f32(x.data(), n, 1, want.data(), Isa::scalar);
      log_softmax_f32(x.data(), n, 1, want_log.data(), Isa::scalar);
      double total = 0;
      for (int64_t i = 0; i < n; ++i) {
        total += want[i];
        EXPECT_NEAR(std::exp(static_cast<double>(want_log[i])), want[i], 2e-7 * (1 + std::fabs(want_log[i])));
      }
      EXPECT_NEAR(total, 1, 1e-6);
      for (const Isa isa : supported_isas()) {
        std::vector<float> wide(3 * n, 7.0f), got = x;
        for (int64_t i = 0; i < n; ++i) wide[3 * i] = x[i];
        std::vector<float> wide_log = wide, got_log = x;
        softmax_f32(got.data(), n, 1, got.data(), isa);
        log_softmax_f32(got_log.data(), n, 1, got_log.data(), isa);
        softmax_f32(wide.data(), n, 3, wide.data(), isa);
        log_softmax_f32(wide_log.data(), n, 3, wide_log.data(), isa);
        EXPECT_EQ(got, want) << isa_name(isa) << " n " << n;
        EXPECT_EQ(got_log, want_log) << isa_name(isa) << " n " << n;
        for (int64_t i = 0; i < n; ++i) {
          EXPECT_EQ(wide[3 * i], want[i]);
          EXPECT_EQ(wide_log[3 * i], want_log[i]);
          EXPECT_EQ(wide[3 * i + 1], 7.0f);
        }
      }
    }
}

TEST(Softmax, SumsInSixteenLanesThatFoldByHalves) {
  // exp(0) = 1 sits in lane 0, 16 values of exp(-17) = 4.1e-8 in lane 1: alone each would be lost beside the 1, in
  // their lane they add up to 6.6e-7 first.
  std::vector<float> x(16 * 16 + 2, -1000.0f), y(x.size());
  x[0] = 0;
  for (int i = 0; i < 16; ++i) x[static_cast<size_t>(16 * i + 1)] = -17;
  softmax_f32(x.data(), static_cast<int64_t>(x.size()), 1, y.data());
  EXPECT_LT(y[0], 1 - 6e-7f);
}

}  // namespace
}  // namespace quantick::kernels
