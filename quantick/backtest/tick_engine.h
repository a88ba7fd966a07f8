#pragma once
// The backtest on best quotes: one instrument, event by event. A decision sees the event it stands on and nothing
// later; its order meets the quotes of the moment it arrives. Cutting the events at t leaves every row up to t as it
// was, bit for bit.
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/backtest/quote_fill.h"
#include "quantick/core/fields.h"
#include "quantick/market/date.h"
#include "quantick/market/tick.h"

namespace quantick::backtest {

/// The market and the model after one event.
struct TickStep {
  int64_t time = 0;     ///< ns, by the clock that events are ordered by (market::TickEvent::time)
  market::Quote quote;  ///< not two-sided: nothing can trade, and positions keep their last mark
  double signal = 0;    ///< above 0 for a rise; NaN: none, the target stays
};

struct TickOptions {
  double enter = 0;
  double exit = 0;
  double max_position = 1;
  double multiplier = 1;
  double fee_per_contract = 0;
  double fee_bps = 0;
  std::string fill_quote = "valid";
  std::string flat_at;
  double utc_offset = 8;

  static constexpr auto fields() {
    using O = TickOptions;
    return std::make_tuple(
        field("enter", &O::enter, "signals from here on, above 0, are traded: long at +enter, short at -enter"),
        field("exit", &O::exit, "a position is held until its signal falls below this; at most enter"),
        field("max_position", &O::max_position, "contracts held, long or short"),
        field("multiplier", &O::multiplier, "money per contract and point of price"),
        field("fee_per_contract", &O::fee_per_contract, "money per contract traded"),
        field("fee_bps", &O::fee_bps, "1e-4 of the traded value"),
        field(
            "fill_quote", &O::fill_quote,
            "valid: an order meets the last quote up to its arrival; next: the quote of the first event behind it, the "
            "careful choice where quotes are snapshots"),
        field("flat_at", &O::flat_at, "HH:MM:SS from which on, each day, nothing is held; empty: never"),
        field("utc_offset", &O::utc_offset, "hours by which the clock of flat_at and of the days is ahead of UTC"));
  }
};

/// Throws ValueError for options out of range.
void check_options(const TickOptions& options);

/// What happened in a day, by the options' clock. Money.
struct TickDay {
  market::Date date;
  double profit = 0;  ///< net of fees, marked at mid
  double fees = 0;
  double contracts = 0;
};

/// Money in the currency of price x multiplier. Row i holds what is known at step i, before the order that it decides.
struct TickResult {
  std::vector<double> profit;    ///< since the start, net of fees, marked at mid
  std::vector<double> position;  ///< contracts
  std::vector<TickDay> days;
  int64_t orders = 0;       ///< sent
  int64_t fills = 0;        ///< orders that got something
  int64_t cut_by_size = 0;  ///< of these, less than they asked for
  int64_t refused = 0;      ///< orders that met no quote
  int64_t in_flight = 0;    ///< not in the market when the events ended
  int64_t adverse = 0;      ///< fills at a price worse than the one that the decision saw
  int64_t favourable = 0;   ///< at a better one
  double contracts = 0;     ///< traded, buys and sells
  double fees = 0;
  double spread_cost = 0;   ///< between the fills and the mids they met
  double latency_cost = 0;  ///< between the fills and the prices that the decisions saw; below 0: a gain
  double final_profit = 0;  ///< with the orders that arrived by the last event
  double final_position = 0;
  double max_drawdown = 0;         ///< of `profit`, >= 0
  std::vector<std::string> notes;  ///< the conventions and costs of the run, one line each
};

/// Throws ValueError for options out of range and times that fall.
TickResult run_tick_backtest(std::span<const TickStep> steps, const TickOptions& options, const QuoteFill& fill);

}  // namespace quantick::backtest
