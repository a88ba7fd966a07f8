#pragma once
// A feature of ticks turns the events of one instrument, in the order of receipt, into one number after each event. It
// sees what was received up to and including that event, nothing later.
//
// A "tick" is an event with a quote of both sides: a row of a snapshot file, a bookTicker message, or a change of the
// book where the quotes are taken from there. Windows count ticks. Trades belong to the newest tick; those of an event
// that brings trades and a quote belong to that quote's tick, though they happened just before it.
#include <cstdint>
#include <string>

#include "quantick/market/book.h"
#include "quantick/market/tick.h"

namespace quantick::features {

/// What is known of an instrument after an event.
struct TickState {
  int64_t time = 0;        ///< of the event, by market::TickEvent::time
  bool tick = false;       ///< the event brought a quote of both sides
  bool quoted = false;     ///< such a quote is in force: `quote` and `mid` count
  bool followed = false;   ///< so is the one ahead of it: `quote_before` and `mid_before` count
  bool traded = false;     ///< the event brought a trade
  double signed_size = 0;  ///< of that trade: above zero where the buyer took; 0 where unknown
  market::Quote quote;
  market::Quote quote_before;
  double mid = 0;
  double mid_before = 0;
  const market::Book* book = nullptr;  ///< null where no feature of the set asks for one
};

/// A feature under way, for one instrument.
class TickFeature {
 public:
  explicit TickFeature(std::string name) : name_(std::move(name)) {}
  virtual ~TickFeature() = default;
  TickFeature(const TickFeature&) = delete;
  TickFeature& operator=(const TickFeature&) = delete;

  /// Its specification in canonical form, e.g. "order_flow_imbalance(20)".
  const std::string& name() const { return name_; }
  virtual bool needs_book() const { return false; }

  /// Takes an event; NaN where there is no value yet. A fixed amount of work, no allocation.
  virtual double update(const TickState& state) noexcept = 0;
  /// Forgets all events.
  virtual void reset() noexcept {}

 private:
  std::string name_;
};

}  // namespace quantick::features
