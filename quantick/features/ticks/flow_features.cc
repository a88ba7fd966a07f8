// order_flow_imbalance(ticks), signed_volume(ticks), time_since_trade(), trade_intensity(half_life_ms): who is
// pressing, and how often there are trades.
#include <cmath>
#include <numbers>

#include "quantick/features/ticks/tick_registry.h"
#include "quantick/features/ticks/tick_window.h"

namespace quantick::features {
namespace {

constexpr double kNanosPerSecond = 1e9;

struct IntensityParameters {
  int64_t half_life_ms = 1000;
  static constexpr auto fields() {
    return std::make_tuple(
        field("half_life_ms", &IntensityParameters::half_life_ms, "ms after which a trade counts half"));
  }
};

class OrderFlowImbalance final : public TickFeature {
 public:
  OrderFlowImbalance(const TickParameters& p, std::string name) : TickFeature(name), flow_(p.checked(name)) {}

  double update(const TickState& state) noexcept override {
    if (state.tick && state.followed) flow_.push(contribution(state.quote_before, state.quote));
    return flow_.full() ? flow_.value() : kNoValue;
  }
  void reset() noexcept override { flow_.reset(); }

 private:
  static double contribution(const market::Quote& before, const market::Quote& now) noexcept {
    double flow = 0;
    if (now.bid >= before.bid) flow += now.bid_size;
    if (now.bid <= before.bid) flow -= before.bid_size;
    if (now.ask <= before.ask) flow -= now.ask_size;
    if (now.ask >= before.ask) flow += before.ask_size;
    return flow;
  }

  TickSum flow_;
};

class SignedVolume final : public TickFeature {
 public:
  SignedVolume(const TickParameters& p, std::string name) : TickFeature(name), sizes_(p.checked(name)) {}

  double update(const TickState& state) noexcept override {
    if (state.tick) sizes_.push(0);
    if (state.traded) sizes_.add(state.signed_size);
    return sizes_.full() ? sizes_.value() : kNoValue;
  }
  void reset() noexcept override { sizes_.reset(); }

 private:
  TickSum sizes_;  // by tick
};

class TimeSinceTrade final : public TickFeature {
 public:
  TimeSinceTrade(const NoParameters&, std::string name) : TickFeature(std::move(name)) {}

  double update(const TickState& state) noexcept override {
    if (state.traded) {
      any_ = true;
      last_ = state.time;
    }
    return any_ ? static_cast<double>(state.time - last_) / kNanosPerSecond : kNoValue;
  }
  void reset() noexcept override { any_ = false; }

 private:
  bool any_ = false;
  int64_t last_ = 0;
};

/// 2^-x for x >= 0, to 2e-11 of its value. The C library's exp2 may give other bits on other processors.
double exp2_negative(double x) {
  if (x > 1000) return 0;
  const double whole = std::floor(x);
  const double z = -(x - whole) * std::numbers::ln2;  // -ln 2 .. 0
  double series = 1;                                  // Taylor, Horner's way
  for (int k = 11; k > 0; --k) series = 1 + series * z / k;
  return std::ldexp(series, -static_cast<int>(whole));
}

class TradeIntensity final : public TickFeature {
 public:
  TradeIntensity(const IntensityParameters& p, std::string name)
      : TickFeature(name), half_life_(static_cast<double>(p.half_life_ms) * 1e-3) {
    check_range(name, "half_life_ms", p.half_life_ms, 1, 86'400'000);
  }

  double update(const TickState& state) noexcept override {
    if (started_ && state.time != last_) {
      rate_ *= exp2_negative(static_cast<double>(state.time - last_) / kNanosPerSecond / half_life_);
    }
    started_ = true;
    last_ = state.time;
    if (state.traded) rate_ += std::numbers::ln2 / half_life_;
    return rate_;
  }
  void reset() noexcept override {
    started_ = false;
    rate_ = 0;
  }

 private:
  double half_life_;  // seconds
  bool started_ = false;
  int64_t last_ = 0;
  double rate_ = 0;
};

}  // namespace

TickFeatureRow order_flow_imbalance_feature() {
  return tick_feature_row<TickParameters, OrderFlowImbalance>(
      "order_flow_imbalance",
      "sum over the last `ticks` ticks of what came to the bid less what came to the ask, in units of size "
      "(Cont, Kukanov, Stoikov 2014)",
      "order_flow_imbalance(20)");
}
TickFeatureRow signed_volume_feature() {
  return tick_feature_row<TickParameters, SignedVolume>(
      "signed_volume",
      "sizes that buyers took less sizes that sellers took, over the last `ticks` ticks; where the file does not say "
      "who took, by the quote ahead of the trade (Lee, Ready 1991)",
      "signed_volume(20)");
}
TickFeatureRow time_since_trade_feature() {
  return tick_feature_row<NoParameters, TimeSinceTrade>("time_since_trade", "seconds since the last event with a trade",
                                                        "time_since_trade()");
}
TickFeatureRow trade_intensity_feature() {
  return tick_feature_row<IntensityParameters, TradeIntensity>(
      "trade_intensity",
      "events with trades per second: each adds ln 2 / half-life, and what was added halves every `half_life_ms`",
      "trade_intensity(1000)");
}

}  // namespace quantick::features
