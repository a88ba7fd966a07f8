#pragma once
// Calm, normal or stormy: today's EWMA volatility against the quantiles of its own past. Each answer knows only the
// returns seen so far, so batch and stream agree bit for bit.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace quantick::risk {

enum class Regime { unknown, calm, normal, stormy };
std::string_view regime_name(Regime regime);

class VolatilityRegime {
 public:
  struct Options {
    double decay = 0.94;       // of the EWMA of squared returns
    int64_t warmup = 60;       // returns before the first answer
    double calm_below = 0.25;  // share of past volatilities
    double stormy_above = 0.75;
  };
  VolatilityRegime() : VolatilityRegime(Options{}) {}
  explicit VolatilityRegime(const Options& options);

  /// Takes one return and gives the regime after it; `unknown` in the warm-up.
  Regime update(double period_return);
  double volatility() const { return volatility_; }

 private:
  Options options_;
  bool seeded_ = false;
  double square_ = 0;
  double volatility_ = 0;
  std::vector<double> past_;  // sorted volatilities before the newest
};

/// update() for each return in turn.
std::vector<Regime> volatility_regimes(std::span<const double> returns, const VolatilityRegime::Options& options);

}  // namespace quantick::risk
