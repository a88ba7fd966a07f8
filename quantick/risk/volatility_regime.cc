#include "quantick/risk/volatility_regime.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::risk {

std::string_view regime_name(Regime regime) {
  switch (regime) {
    case Regime::unknown:
      return "unknown";
    case Regime::calm:
      return "calm";
    case Regime::normal:
      return "normal";
    case Regime::stormy:
      return "stormy";
  }
  fail<InvariantError>("Invariant: regime {}", static_cast<int>(regime));
}

VolatilityRegime::VolatilityRegime(const Options& options) : options_(options) {
  QTK_CHECK(options.decay > 0 && options.decay < 1, ValueError, "[regime] decay, was {}, expected inside (0, 1)",
            options.decay);
  QTK_CHECK(options.warmup >= 2, ValueError, "[regime] warmup, was {}, expected >= 2", options.warmup);
  QTK_CHECK(options.calm_below >= 0 && options.calm_below < options.stormy_above && options.stormy_above <= 1,
            ValueError,
            "[regime] shares calm_below {} and stormy_above {}, expected 0 <= calm_below < stormy_above <= 1",
            options.calm_below, options.stormy_above);
}

Regime VolatilityRegime::update(double period_return) {
  QTK_CHECK(std::isfinite(period_return), ValueError, "[regime] return, was {}, expected a finite number",
            period_return);
  const bool first = !seeded_;
  seeded_ = true;
  const double previous = volatility_;
  const double squared = period_return * period_return;
  square_ = first ? squared : options_.decay * square_ + (1 - options_.decay) * squared;
  volatility_ = std::sqrt(square_);
  if (!first) past_.insert(std::upper_bound(past_.begin(), past_.end(), previous), previous);
  if (static_cast<int64_t>(past_.size()) + 1 < options_.warmup) return Regime::unknown;
  const auto below = std::lower_bound(past_.begin(), past_.end(), volatility_) - past_.begin();
  const double share = static_cast<double>(below) / static_cast<double>(past_.size());
  if (share < options_.calm_below) return Regime::calm;
  return share > options_.stormy_above ? Regime::stormy : Regime::normal;
}

std::vector<Regime> volatility_regimes(std::span<const double> returns, const VolatilityRegime::Options& options) {
  VolatilityRegime regime(options);
  std::vector<Regime> out;
  out.reserve(returns.size());
  for (const double r : returns) out.push_back(regime.update(r));
  return out;
}

}  // namespace quantick::risk
