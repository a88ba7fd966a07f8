// return(bars, kind), reversal(bars), momentum(bars, skip), overnight(): price changes over a span of bars.
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/features/registry.h"
#include "quantick/market/text.h"

namespace quantick::features {
namespace {

struct ReturnParameters {
  int64_t bars = 1;
  std::string kind = "simple";
  static constexpr auto fields() {
    return std::make_tuple(field("bars", &ReturnParameters::bars, "span in bars"),
                           field("kind", &ReturnParameters::kind, "simple or log"));
  }
};

struct ReversalParameters {
  int64_t bars = 5;
  static constexpr auto fields() { return std::make_tuple(field("bars", &ReversalParameters::bars, "span in bars")); }
};

struct MomentumParameters {
  int64_t bars = 250;
  int64_t skip = 20;
  static constexpr auto fields() {
    return std::make_tuple(field("bars", &MomentumParameters::bars, "bars back to the span's beginning"),
                           field("skip", &MomentumParameters::skip, "latest bars left out, fewer than bars"));
  }
};

struct NoParameters {
  static constexpr auto fields() { return std::make_tuple(); }
};

/// sign * (price[t - skip] / price[t - bars] - 1), or its logarithm.
class PriceChange final : public WindowFeature {
 public:
  PriceChange(std::string name, int64_t bars, int64_t skip, double sign, bool log)
      : WindowFeature(std::move(name), {"price"}, bars + 1), skip_(skip), sign_(sign), log_(log) {}

  double value(std::span<const double* const> windows) const override {
    const double ratio = windows[0][length() - 1 - skip_] / windows[0][0];
    return log_ ? std::log(ratio) : sign_ * (ratio - 1);
  }

 private:
  int64_t skip_;
  double sign_;
  bool log_;
};

/// open[t] / price[t - 1] - 1, the open brought to the price's footing (splits, dividends) by the same day's price over
/// close. Known at t's close.
class Overnight final : public WindowFeature {
 public:
  explicit Overnight(std::string name) : WindowFeature(std::move(name), {"open", "close", "price"}, 2) {}
  double value(std::span<const double* const> windows) const override {
    const double* price = windows[2];
    return windows[0][1] * (price[1] / windows[1][1]) / price[0] - 1;
  }
};

std::unique_ptr<Feature> make_return(const ReturnParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 1);
  QTK_CHECK(p.kind == "simple" || p.kind == "log", ValueError, "[features] {}: kind, was {}, expected simple or log",
            name, market::shown(p.kind));
  return std::make_unique<PriceChange>(std::move(name), p.bars, 0, 1.0, p.kind == "log");
}

std::unique_ptr<Feature> make_reversal(const ReversalParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 1);
  return std::make_unique<PriceChange>(std::move(name), p.bars, 0, -1.0, false);
}

std::unique_ptr<Feature> make_momentum(const MomentumParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 1);
  check_range(name, "skip", p.skip, 0, p.bars - 1);
  return std::make_unique<PriceChange>(std::move(name), p.bars, p.skip, 1.0, false);
}

std::unique_ptr<Feature> make_overnight(const NoParameters&, std::string name) {
  return std::make_unique<Overnight>(std::move(name));
}

}  // namespace

FeatureRow return_feature() {
  return feature_row<ReturnParameters, make_return>("return", "price[t] / price[t-bars] - 1, or its log", "return(5)");
}
FeatureRow reversal_feature() {
  return feature_row<ReversalParameters, make_reversal>("reversal", "-(price[t] / price[t-bars] - 1)", "reversal(5)");
}
FeatureRow momentum_feature() {
  return feature_row<MomentumParameters, make_momentum>(
      "momentum", "price[t-skip] / price[t-bars] - 1 (Jegadeesh and Titman 1993: the latest bars are left out)",
      "momentum(20,5)");
}
FeatureRow overnight_feature() {
  return feature_row<NoParameters, make_overnight>(
      "overnight", "open[t] * price[t] / close[t] / price[t-1] - 1: the open adjusted as its day's price is",
      "overnight()");
}

}  // namespace quantick::features
