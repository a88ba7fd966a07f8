// mid_return(ticks), realized_volatility(ticks): how the mid moved.
#include <algorithm>
#include <cmath>

#include "quantick/features/ticks/tick_registry.h"
#include "quantick/features/ticks/tick_window.h"

namespace quantick::features {
namespace {

class MidReturn final : public TickFeature {
 public:
  MidReturn(const TickParameters& p, std::string name) : TickFeature(name), mids_(p.checked(name)) {}

  double update(const TickState& state) noexcept override {
    double old = 0;
    if (state.tick) value_ = mids_.push(state.mid, old) ? state.mid / old - 1 : kNoValue;
    return value_;
  }
  void reset() noexcept override {
    mids_.reset();
    value_ = kNoValue;
  }

 private:
  TickDelay mids_;
  double value_ = kNoValue;
};

class RealizedVolatility final : public TickFeature {
 public:
  RealizedVolatility(const TickParameters& p, std::string name) : TickFeature(name), squares_(p.checked(name)) {}

  double update(const TickState& state) noexcept override {
    if (state.tick && state.followed) {
      const double move = state.mid / state.mid_before - 1;
      squares_.push(move * move);
    }
    return squares_.full() ? std::sqrt(std::max(squares_.value(), 0.0)) : kNoValue;
  }
  void reset() noexcept override { squares_.reset(); }

 private:
  TickSum squares_;
};

}  // namespace

TickFeatureRow mid_return_feature() {
  return tick_feature_row<TickParameters, MidReturn>("mid_return", "mid / mid `ticks` ticks ago - 1", "mid_return(20)");
}
TickFeatureRow realized_volatility_feature() {
  return tick_feature_row<TickParameters, RealizedVolatility>(
      "realized_volatility", "square root of the sum of squares of the last `ticks` one-tick returns of the mid",
      "realized_volatility(20)");
}

}  // namespace quantick::features
