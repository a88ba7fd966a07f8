#include "quantick/market/price_step.h"

#include <array>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::market {
namespace {

constexpr int32_t kMostDigits = 18;  // fits int64
constexpr int32_t kUnitDecimals = 8;

constexpr std::array<int64_t, kMostDigits + 1> kPowers = [] {
  std::array<int64_t, kMostDigits + 1> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

}  // namespace

double Decimal::value() const noexcept {
  // Both numbers are exact below 2^53, and a division rounds once. Above, the numerator is rounded, too; trailing zeros
  // are what makes it long in practice ("1000000000.00000000").
  int64_t numerator = digits;
  int32_t power = decimals;
  constexpr int64_t kExact = int64_t{1} << 53;
  while (power > 0 && (numerator > kExact || numerator < -kExact) && numerator % 10 == 0) numerator /= 10, --power;
  return static_cast<double>(numerator) / static_cast<double>(kPowers[power]);
}

std::optional<Decimal> parse_decimal(std::string_view text) noexcept {
  Decimal out;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  int32_t significant = 0;
  bool any = false, behind_point = false;
  for (const char c : text) {
    if (c == '.') {
      if (behind_point || !any) return std::nullopt;
      behind_point = true;
      any = false;  // a digit must follow
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    any = true;
    significant += significant > 0 || c != '0';
    out.decimals += behind_point;
    if (significant > kMostDigits || out.decimals > kMostDigits) return std::nullopt;
    out.digits = out.digits * 10 + (c - '0');
  }
  if (!any) return std::nullopt;
  if (negative) out.digits = -out.digits;
  return out;
}

PriceStep::PriceStep(double step) : units_(0) {
  QTK_CHECK(step > 0 && step < 1e9, ValueError, "[market] price step, was {}, expected above 0 and below 1e9", step);
  units_ = std::llround(step * 1e8);
  QTK_CHECK(units_ > 0 && static_cast<double>(units_) / 1e8 == step, ValueError,
            "[market] price step, was {}, expected a multiple of 0.00000001", step);
}

std::optional<int64_t> PriceStep::steps(Decimal price) const noexcept {
  int64_t units = price.digits;
  if (price.decimals <= kUnitDecimals) {
    if (__builtin_mul_overflow(units, kPowers[kUnitDecimals - price.decimals], &units)) return std::nullopt;
  } else {
    const int64_t divisor = kPowers[price.decimals - kUnitDecimals];
    if (units % divisor != 0) return std::nullopt;
    units /= divisor;
  }
  if (units % units_ != 0) return std::nullopt;
  return units / units_;
}

}  // namespace quantick::market
