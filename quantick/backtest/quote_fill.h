#pragma once
// Fills of marketable orders against best quotes: when an order reaches the market, and what it gets there.
#include <cstdint>
#include <memory>
#include <string>

#include "quantick/backtest/latency_model.h"
#include "quantick/market/tick.h"

namespace quantick::backtest {

struct QuoteFillAnswer {
  double quantity = 0;  ///< > 0 bought, < 0 sold; between 0 and what was ordered
  double price = 0;     ///< 0 where nothing was filled
};

/// Buys at the ask and sells at the bid, immediately or not at all. The order takes nothing away from the quotes that
/// follow, and waits in no queue.
class QuoteFill {
 public:
  /// line_ns: everything that is not the model's own latency: the event on its way here and the order on its way back.
  /// limit_to_size: no more than the quote shows. Throws ValueError for no latency model or a line
  /// out of range.
  QuoteFill(std::shared_ptr<const LatencyModel> latency, int64_t line_ns, bool limit_to_size = true);

  /// When the order of a decision made at the event received at `received` (ns) is in the market.
  int64_t arrival(int64_t received, int64_t decision) const {
    return received + latency_->nanoseconds(decision) + line_ns_;
  }
  /// What an order gets of the quote valid at its arrival; nothing of one that is not two-sided.
  QuoteFillAnswer fill(double quantity, const market::Quote& quote) const;
  std::string describe() const;

 private:
  std::shared_ptr<const LatencyModel> latency_;
  int64_t line_ns_;
  bool limit_to_size_;
};

}  // namespace quantick::backtest
