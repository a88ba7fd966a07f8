#pragma once
// What a market sends, event by event. An event has two clocks: the exchange's, and that of the machine that received
// it. Events are used in the order of receipt: what the exchange did earlier but told later is not known earlier.
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/market/price_step.h"

namespace quantick::market {

/// Best prices and their sizes. A side that is empty has the price NaN and the size 0.
struct Quote {
  double bid = std::numeric_limits<double>::quiet_NaN();
  double ask = std::numeric_limits<double>::quiet_NaN();
  double bid_size = 0;
  double ask_size = 0;

  /// Both sides are there and do not cross or touch. All that is computed from a quote wants this.
  bool two_sided() const noexcept { return bid < ask && bid_size > 0 && ask_size > 0; }
  /// Half way between the best prices.
  double mid() const noexcept { return 0.5 * (bid + ask); }
};

enum class Side : int8_t { sell = -1, unknown = 0, buy = 1 };

struct Trade {
  double price = 0;
  double size = 0;
  Side aggressor = Side::unknown;  ///< who took; unknown where the file does not say
};

/// A price of the book in steps, and what rests there.
struct BookLevel {
  int64_t price = 0;
  double size = 0;

  friend bool operator==(const BookLevel&, const BookLevel&) = default;
};

/// A whole book, or what changed in it: new sizes of levels, 0 for a level that is gone. It covers the exchange's
/// changes after number `previous_id`, up to and including `last_id`.
struct DepthUpdate {
  bool snapshot = false;    ///< the whole book (as deep as the exchange sends it) as of last_id
  int64_t previous_id = 0;  ///< of a snapshot: not used
  int64_t last_id = 0;
  PriceStep step{0.01};  ///< of the levels' prices
  std::vector<BookLevel> bids;
  std::vector<BookLevel> asks;
};

/// Plain data but for `depth`, which belongs to the source of the event and stands until its next call.
struct TickEvent {
  int64_t exchange_time = 0;  ///< ns since 1970-01-01 UTC, 0: the file has none
  int64_t receipt_time = 0;   ///< the same, by the clock of the machine that wrote the file
  int32_t instrument = 0;
  bool has_quote = false;
  bool has_trade = false;  ///< it happened before `quote` where the event has both
  Quote quote;
  Trade trade;              ///< of a snapshot: all trades since the last one, at the last price
  double total_volume = 0;  ///< of the day so far, 0 where the file has none
  int64_t update_id = 0;    ///< number of the exchange's change after which `quote` stood, 0 where the file has none
  const DepthUpdate* depth = nullptr;

  /// The clock that events are ordered by: receipt, or the exchange's where no receipt was written down.
  int64_t time() const noexcept { return receipt_time != 0 ? receipt_time : exchange_time; }
};

/// Events one by one, time() never falling.
class TickSource {
 public:
  virtual ~TickSource() = default;
  /// False at the end. Throws what the source's maker says.
  virtual bool next(TickEvent& event) = 0;
  /// Messages passed over so far because they are neither quote, trade nor depth.
  virtual int64_t skipped() const { return 0; }
  /// Name of the one instrument that the data is of, "" where what was read so far does not say.
  virtual std::string_view symbol() const { return {}; }
};

/// Events kept in memory, with their depth.
class TickTape {
 public:
  TickTape() = default;
  /// All events of a source.
  explicit TickTape(TickSource& source);
  TickTape(TickTape&&) = default;
  TickTape& operator=(TickTape&&) = default;

  void append(const TickEvent& event);
  std::span<const TickEvent> events() const { return events_; }

 private:
  std::vector<TickEvent> events_;
  std::vector<std::unique_ptr<DepthUpdate>> depths_;
};

/// Hands out events that lie in memory, which must outlive it.
class TickReplay final : public TickSource {
 public:
  explicit TickReplay(std::span<const TickEvent> events) : events_(events) {}
  bool next(TickEvent& event) override;

 private:
  std::span<const TickEvent> events_;
};

/// Several sources as one, ordered by time(); events of equal time come in the order of the sources. A source without
/// receipt times is placed by the exchange's clock, as if its events arrived when they happened.
std::unique_ptr<TickSource> merge_ticks(std::vector<std::unique_ptr<TickSource>> sources);

/// Several sources one after the other, for files that continue each other. next() throws ValueError where one begins
/// before the last one ended, or is of another symbol.
std::unique_ptr<TickSource> chain_ticks(std::vector<std::unique_ptr<TickSource>> sources);

}  // namespace quantick::market
