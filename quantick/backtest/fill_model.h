#pragma once
// How much of an order is filled in a bar, and how long it takes to get there. A new model (an order queue, a measured
// latency distribution) is a class like BarFill in its own file.
#include <cstdint>
#include <string>

#include "quantick/market/date.h"

namespace quantick::backtest {

/// An order as it meets a bar. Prices are NaN where the bar has none.
struct Order {
  int64_t instrument = 0;
  market::Date date;
  double quantity = 0;        // what is still to be traded, > 0 buys
  double price = 0;           // the bar's execution price
  double previous_close = 0;  // last close before the bar
  double volume = 0;
};

enum class Block { none, no_price, limit_up, limit_down, volume };

struct FillAnswer {
  double quantity = 0;        // traded now: between 0 and the order's quantity
  Block block = Block::none;  // why it is not the whole order
};

class FillModel {
 public:
  virtual ~FillModel() = default;
  virtual FillAnswer fill(const Order& order) const = 0;
  /// Bars from the close that a decision has seen to the bar in which its orders trade, >= 1; inference and order
  /// latency beyond one bar go here. `decision` counts the decisions of a run.
  virtual int64_t delay_bars(int64_t decision) const = 0;
  virtual std::string describe() const = 0;
};

/// Fills at the bar's price, unless there is none, the price has moved to the exchange's limit (no buying at limit up,
/// no selling at limit down; the price compared is the execution price, known at that moment, not the day's close), or
/// the order exceeds its share of the volume (the rest is not filled).
class BarFill : public FillModel {
 public:
  /// limit_move: 0.1 for a 10 % limit, 0 for none; max_volume_share: 0 for none. Throws ValueError out of range.
  BarFill(int64_t delay_bars, double limit_move, double max_volume_share);
  FillAnswer fill(const Order& order) const override;
  int64_t delay_bars(int64_t decision) const override;
  std::string describe() const override;

 private:
  int64_t delay_bars_;
  double limit_move_;
  double max_volume_share_;
};

}  // namespace quantick::backtest
