#include "quantick/ops/quantization/code_type.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"

namespace quantick {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double rounded(double v, const char* type, bool saturate = true) {
  return round_to_float_code(v, find_code_type(type, "test"), saturate);
}

TEST(CodeType, TiesOfFloatCodesGoToTheEvenMantissa) {
  EXPECT_EQ(rounded(1.0625, "float8e4m3fn"), 1.0);
  EXPECT_EQ(rounded(1.1875, "float8e4m3fn"), 1.25);
  EXPECT_EQ(rounded(2.5, "float4e2m1"), 2.0);
  EXPECT_EQ(rounded(-3.5, "float4e2m1"), -4.0);
  EXPECT_EQ(rounded(0.25, "float4e2m1"), 0.0);    // between 0 and the denormal 0.5
  EXPECT_EQ(rounded(1.9999, "float8e5m2"), 2.0);  // into the next binade
}

TEST(CodeType, DenormalsHaveOneStep) {
  EXPECT_EQ(rounded(0x1p-9, "float8e4m3fn"), 0x1p-9);
  EXPECT_EQ(rounded(0x1p-10, "float8e4m3fn"), 0.0);
  EXPECT_EQ(rounded(0x1.8p-10, "float8e4m3fn"), 0x1p-9);
  EXPECT_EQ(rounded(0x1p-10, "float8e4m3fnuz"), 0x1p-10);
  EXPECT_EQ(rounded(0x1p-16, "float8e5m2"), 0x1p-16);
  EXPECT_EQ(rounded(0x1p-17, "float8e5m2fnuz"), 0x1p-17);
}

TEST(CodeType, PastTheLargestValue) {
  EXPECT_EQ(rounded(464, "float8e4m3fn", false), 448);  // the tie with 480, which is NaN
  EXPECT_TRUE(std::isnan(rounded(465, "float8e4m3fn", false)));
  EXPECT_EQ(rounded(465, "float8e4m3fn"), 448);
  EXPECT_EQ(rounded(-kInfinity, "float8e4m3fn"), -448);
  EXPECT_EQ(rounded(61440, "float8e5m2", false), kInfinity);
  EXPECT_EQ(rounded(kInfinity, "float8e5m2", false), kInfinity);
  EXPECT_EQ(rounded(-1e9, "float8e5m2"), -57344);
  EXPECT_TRUE(std::isnan(rounded(1e9, "float8e5m2fnuz", false)));
  EXPECT_EQ(rounded(1e9, "float4e2m1", false), 6);
  EXPECT_EQ(rounded(-1e9, "float6e3m2"), -28);
}

TEST(CodeType, NanAndNegativeZero) {
  EXPECT_TRUE(std::isnan(rounded(kNan, "float8e4m3fn")));
  EXPECT_EQ(rounded(kNan, "float6e2m3"), 0);
  EXPECT_TRUE(std::signbit(rounded(-0.0, "float8e5m2")));
  EXPECT_FALSE(std::signbit(rounded(-0.0, "float8e5m2fnuz")));
  EXPECT_FALSE(std::signbit(rounded(-1e-9, "float8e4m3fnuz")));
}

TEST(CodeType, IntegerCodesRoundHalfToEvenAndSaturate) {
  EXPECT_EQ(round_to_integer_code(0.5f, 0, -128, 127), 0);
  EXPECT_EQ(round_to_integer_code(1.5f, 0, -128, 127), 2);
  EXPECT_EQ(round_to_integer_code(-2.5f, 10, -128, 127), 8);
  EXPECT_EQ(round_to_integer_code(1e30f, 100, 0, 255), 255);
  EXPECT_EQ(round_to_integer_code(-1e30, 200, 0, 65535), 0);
  EXPECT_EQ(round_to_integer_code(kNan, 3, -8, 7), -8);
}

TEST(CodeType, UnknownNamesAreRefused) { EXPECT_THROW(find_code_type("int3", "test"), ValueError); }

}  // namespace
}  // namespace quantick
