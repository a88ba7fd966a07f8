#include "quantick/core/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quantick {
namespace {

/// The nearest value that `from` gives, ties to the even code: found by search over all finite codes.
template <class From>
float nearest(float x, From from, uint16_t largest) {
  uint16_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (uint16_t code = 0; code <= largest; ++code) {
    const double off = std::abs(static_cast<double>(from(code)) - std::abs(static_cast<double>(x)));
    if (off < least || (off == least && code % 2 == 0)) least = off, best = code;
  }
  return std::copysign(from(best), x);
}

TEST(Float16, EveryCodeSurvivesTheRoundTrip) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const auto bits = static_cast<uint16_t>(code);
    if (!std::isnan(from_fp16(bits))) {
      EXPECT_EQ(to_fp16(from_fp16(bits)), bits);
    }
    if (!std::isnan(from_bf16(bits))) {
      EXPECT_EQ(to_bf16(from_bf16(bits)), bits);
    }
  }
}

TEST(Float16, RoundsToTheNearestAndTiesToEven) {
  for (const float x : {1.0f + 0x1p-11f, 1.0f + 3 * 0x1p-11f, 0.1f, -3.14159f, 0x1.8p-25f, 0x1p-25f, 0x1.8p-24f,
                        0x1.ffcp-15f, 65504.0f, 65519.0f, -1e-5f, 6.1e-5f}) {
    EXPECT_EQ(from_fp16(to_fp16(x)), nearest(x, from_fp16, 0x7bff)) << x;
  }
  for (const float x : {1.0f + 0x1p-8f, 1.0f + 3 * 0x1p-8f, 0.1f, -3.14159f, 1e30f, -1e-30f})
    EXPECT_EQ(from_bf16(to_bf16(x)), nearest(x, from_bf16, 0x7f7f)) << x;
}

TEST(Float16, GoesToInfinityAndKeepsNaN) {
  EXPECT_EQ(from_fp16(to_fp16(65520.0f)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(from_fp16(to_fp16(-1e9f)), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(from_bf16(to_bf16(std::numeric_limits<float>::max())), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(from_fp16(to_fp16(std::nanf("")))));
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(std::nanf("")))));
}

}  // namespace
}  // namespace quantick
