#include "quantick/backtest/fill_model.h"

#include <fmt/format.h>

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {

BarFill::BarFill(int64_t delay_bars, double limit_move, double max_volume_share)
    : delay_bars_(delay_bars), limit_move_(limit_move), max_volume_share_(max_volume_share) {
  QTK_CHECK(delay_bars >= 1, ValueError,
            "[backtest] delay_bars, was {}, expected >= 1 (a decision cannot trade in a bar that it has seen)",
            delay_bars);
  QTK_CHECK(limit_move >= 0 && limit_move < 1, ValueError,
            "[backtest] limit_move, was {}, expected a share of the price inside [0, 1), e.g. 0.1; 0 for no limits",
            limit_move);
  QTK_CHECK(max_volume_share >= 0 && max_volume_share <= 1, ValueError,
            "[backtest] max_volume_share, was {}, expected inside [0, 1]; 0 for no cap", max_volume_share);
}

FillAnswer BarFill::fill(const Order& order) const {
  if (!(order.price > 0)) return {0, Block::no_price};
  if (limit_move_ > 0 && order.previous_close > 0) {
    // Limits are prices rounded to a tick, so a stock at its limit shows a move a hair below or above the rule.
    constexpr double kTick = 5e-4;
    const double move = order.price / order.previous_close - 1;
    if (order.quantity > 0 && move >= limit_move_ - kTick) return {0, Block::limit_up};
    if (order.quantity < 0 && move <= -(limit_move_ - kTick)) return {0, Block::limit_down};
  }
  if (max_volume_share_ > 0) {
    const double most = order.volume > 0 ? max_volume_share_ * order.volume : 0;
    if (std::fabs(order.quantity) > most) return {std::copysign(most, order.quantity), Block::volume};
  }
  return {order.quantity, Block::none};
}

int64_t BarFill::delay_bars(int64_t) const { return delay_bars_; }

std::string BarFill::describe() const {
  return fmt::format("orders trade {} bar(s) after the close they were decided on; {}; {}", delay_bars_,
                     limit_move_ > 0 ? fmt::format("no buying at +{0:g} %, no selling at -{0:g} %", limit_move_ * 100)
                                     : std::string("no price limits"),
                     max_volume_share_ > 0 ? fmt::format("at most {:g} % of a bar's volume", max_volume_share_ * 100)
                                           : std::string("no volume cap"));
}

}  // namespace quantick::backtest
