// volatility(bars), parkinson(bars), drawdown(bars): how much the price moves.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "quantick/features/registry.h"

namespace quantick::features {
namespace {

struct VolatilityParameters {
  int64_t bars = 20;
  static constexpr auto fields() {
    return std::make_tuple(field("bars", &VolatilityParameters::bars, "returns in the window"));
  }
};

struct ParkinsonParameters {
  int64_t bars = 20;
  static constexpr auto fields() {
    return std::make_tuple(field("bars", &ParkinsonParameters::bars, "bars in the window"));
  }
};

struct DrawdownParameters {
  int64_t bars = 60;
  static constexpr auto fields() {
    return std::make_tuple(field("bars", &DrawdownParameters::bars, "bars in the window, the present one included"));
  }
};

class Volatility final : public WindowFeature {
 public:
  Volatility(std::string name, int64_t bars) : WindowFeature(std::move(name), {"price"}, bars + 1) {}

  double value(std::span<const double* const> windows) const override {
    const double* price = windows[0];
    const int64_t bars = length() - 1;
    double sum = 0;
    for (int64_t i = 1; i <= bars; ++i) sum += price[i] / price[i - 1] - 1;
    const double mean = sum / static_cast<double>(bars);
    double squares = 0;
    for (int64_t i = 1; i <= bars; ++i) {
      const double deviation = price[i] / price[i - 1] - 1 - mean;
      squares += deviation * deviation;
    }
    return std::sqrt(squares / static_cast<double>(bars - 1));
  }
};

class Parkinson final : public WindowFeature {
 public:
  Parkinson(std::string name, int64_t bars) : WindowFeature(std::move(name), {"high", "low"}, bars) {}

  double value(std::span<const double* const> windows) const override {
    double squares = 0;
    for (int64_t i = 0; i < length(); ++i) {
      const double range = std::log(windows[0][i] / windows[1][i]);
      squares += range * range;
    }
    return std::sqrt(squares / (static_cast<double>(length()) * 4 * std::numbers::ln2));
  }
};

class Drawdown final : public WindowFeature {
 public:
  Drawdown(std::string name, int64_t bars) : WindowFeature(std::move(name), {"price"}, bars) {}

  double value(std::span<const double* const> windows) const override {
    const double* price = windows[0];
    double top = 0;
    for (int64_t i = 0; i < length(); ++i) {
      if (std::isnan(price[i])) return market::kMissing;
      top = std::max(top, price[i]);
    }
    return price[length() - 1] / top - 1;
  }
};

std::unique_ptr<Feature> make_volatility(const VolatilityParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 2);
  return std::make_unique<Volatility>(std::move(name), p.bars);
}

std::unique_ptr<Feature> make_parkinson(const ParkinsonParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 1);
  return std::make_unique<Parkinson>(std::move(name), p.bars);
}

std::unique_ptr<Feature> make_drawdown(const DrawdownParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 2);
  return std::make_unique<Drawdown>(std::move(name), p.bars);
}

}  // namespace

FeatureRow volatility_feature() {
  return feature_row<VolatilityParameters, make_volatility>(
      "volatility", "standard deviation (n-1) of the last `bars` simple returns, per bar, not annualised",
      "volatility(20)");
}
FeatureRow parkinson_feature() {
  return feature_row<ParkinsonParameters, make_parkinson>(
      "parkinson", "volatility per bar from high and low: sqrt(mean(ln(high/low)^2) / (4 ln 2)) (Parkinson 1980)",
      "parkinson(20)");
}
FeatureRow drawdown_feature() {
  return feature_row<DrawdownParameters, make_drawdown>("drawdown", "price[t] / max(price over the window) - 1",
                                                        "drawdown(60)");
}

}  // namespace quantick::features
