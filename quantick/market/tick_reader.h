#pragma once
// Reads tick files, plain or gzip, event by event: memory does not grow with the file. docs/ticks.md says what the
// files look like and what is odd about them.
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>

#include "quantick/core/fields.h"
#include "quantick/market/tick.h"

namespace quantick::market {

struct TickReadOptions {
  std::string format = "auto";
  int64_t instrument = 0;
  double price_step = 0.01;
  double utc_offset = 8;

  /// Throws ValueError where `instrument` is out of range.
  int32_t checked_instrument() const;

  static constexpr auto fields() {
    using O = TickReadOptions;
    return std::make_tuple(
        field("format", &O::format,
              "auto (by the first line), level1 (CSV, a best bid and ask per row) or binance (a line per message: "
              "local time in ns, blank, JSON)"),
        field("instrument", &O::instrument, "number that the file's events bear"),
        field("price_step", &O::price_step,
              "smallest difference between two prices of the book, a multiple of 0.00000001 (binance)"),
        field("utc_offset", &O::utc_offset,
              "hours by which the file's clock is ahead of UTC; 8: Shanghai, which has no summer time (level1)"));
  }
};

/// Opens a file of one instrument. Throws ValueError (options), IoError and, as the source's next() does, FormatError
/// (gzip) and ParseError, which names file, line and field: not JSON, a field missing or of the wrong kind, NaN, a
/// negative size, a price between the steps, a second symbol, time or the day's volume that falls.
std::unique_ptr<TickSource> open_ticks(const std::string& path, const TickReadOptions& options = {});

/// The same for a known format. level1 takes the columns (any case) action_date or date; action_time_ms (HHMMSSmmm) or
/// time (HH:MM:SS.fff); bid1, ask1 (bidPrice1, askPrice1); bid1_qty, ask1_qty (bidVolume1, askVolume1); and where
/// there: symbol, last (lastPrice), volume (lastVolume), total_volume, trading_date.
std::unique_ptr<TickSource> open_level1(const std::string& path, const TickReadOptions& options);
/// Takes depth updates, trades, best quotes and snapshots of the spot and the USD-M futures streams, with or without
/// the frame {"stream", "data"}.
std::unique_ptr<TickSource> open_binance(const std::string& path, const TickReadOptions& options);

}  // namespace quantick::market
