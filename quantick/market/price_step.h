#pragma once
// Decimal numbers without rounding: prices as whole numbers of steps, and the double nearest to a decimal text.
#include <cstdint>
#include <optional>
#include <string_view>

namespace quantick::market {

/// digits * 10^-decimals
struct Decimal {
  int64_t digits = 0;
  int32_t decimals = 0;

  /// The nearest double.
  double value() const noexcept;
};

/// "61837.63", "-0.5", "12". Nothing for any other text (exponents, blanks, NaN, signs of plus) and for more than 18
/// digits behind leading zeros.
std::optional<Decimal> parse_decimal(std::string_view text) noexcept;

/// The smallest difference between two prices of an instrument, a whole number of 10^-8.
class PriceStep {
 public:
  /// Throws ValueError unless `step` is above zero, below 10^9 and a multiple of 10^-8.
  explicit PriceStep(double step);

  /// Steps of a price; nothing where it is no whole number of them, or beyond 64 bits.
  std::optional<int64_t> steps(Decimal price) const noexcept;
  /// The double nearest to a price given in steps (below 9e7 in absolute value; one rounding more above).
  double price(int64_t steps) const noexcept { return static_cast<double>(steps * units_) / 1e8; }
  double value() const noexcept { return static_cast<double>(units_) / 1e8; }

  friend bool operator==(const PriceStep&, const PriceStep&) = default;

 private:
  int64_t units_;  // of 10^-8
};

}  // namespace quantick::market
