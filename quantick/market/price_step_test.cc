#include "quantick/market/price_step.h"

#include <gtest/gtest.h>

#include <charconv>
#include <string>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/market/test_files.h"

namespace quantick::market {
namespace {

TEST(Decimal, ReadsPlainDecimalsOnly) {
  EXPECT_EQ(parse_decimal("61837.63")->digits, 6183763);
  EXPECT_EQ(parse_decimal("61837.63")->decimals, 2);
  EXPECT_EQ(parse_decimal("-0.50")->value(), -0.5);
  EXPECT_EQ(parse_decimal("0000000000000000000012")->digits, 12);
  EXPECT_EQ(parse_decimal("1000000000.00000000")->value(), 1e9);
  EXPECT_EQ(parse_decimal("9079837913.70300000")->value(), 9079837913.703)
      << "17 digits, of which 5 are trailing zeros";
  for (const char* text : {"", "-", ".", "1.", ".5", "1e5", "nan", "+1", " 1", "1 ", "1.2.3", "0x1",
                           "1234567890123456789", "0.0000000000000000001"}) {
    EXPECT_FALSE(parse_decimal(text).has_value()) << text;
  }
}

TEST(Decimal, IsTheNearestDouble) {
  const Key key(3);
  for (uint64_t i = 0; i < 20000; ++i) {
    std::string text = std::to_string(key.below(2 * i, 100'000'000));
    const std::string digits = std::to_string(100'000'000 + key.below(2 * i + 1, 100'000'000)).substr(1);
    text += "." + digits.substr(0, 1 + i % 7);
    double expected = 0;
    std::from_chars(text.data(), text.data() + text.size(), expected);
    EXPECT_EQ(parse_decimal(text)->value(), expected) << text;
  }
}

TEST(PriceStep, CountsStepsWithoutRounding) {
  const PriceStep step(0.2);
  EXPECT_EQ(step.steps(*parse_decimal("5230.8")), 26154);
  EXPECT_EQ(step.price(26154), 5230.8);
  EXPECT_FALSE(step.steps(*parse_decimal("5230.7")).has_value());
  EXPECT_EQ(PriceStep(0.01).steps(*parse_decimal("61837.6300000000")), 6183763);
  EXPECT_FALSE(PriceStep(0.01).steps(*parse_decimal("61837.6300000001")).has_value());
  EXPECT_EQ(PriceStep(1e-8).steps(*parse_decimal("-0.00000001")), -1);
  EXPECT_FALSE(PriceStep(1e-8).steps(*parse_decimal("123456789012345678")).has_value()) << "beyond 64 bits";
}

TEST(PriceStep, RefusesOthers) {
  for (const double step : {0.0, -1.0, 1e9, 0.123456789, 1.0 / 0.0}) {
    EXPECT_CONTAINS(testing::message_of<ValueError>([&] { PriceStep{step}; }), "[market] price step, was ");
  }
}

}  // namespace
}  // namespace quantick::market
