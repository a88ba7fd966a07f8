#include "quantick/market/tick_reader.h"

#include "quantick/core/error.h"
#include "quantick/market/byte_source.h"
#include "quantick/market/text.h"

namespace quantick::market {

int32_t TickReadOptions::checked_instrument() const {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  QTK_CHECK(instrument >= 0 && instrument <= kMost, ValueError, "[ticks] instrument, was {}, expected 0..{}",
            instrument, kMost);
  return static_cast<int32_t>(instrument);
}

std::unique_ptr<TickSource> open_ticks(const std::string& path, const TickReadOptions& options) {
  if (options.format == "level1") return open_level1(path, options);
  if (options.format == "binance") return open_binance(path, options);
  QTK_CHECK(options.format == "auto", ValueError, "[ticks] format, was \"{}\", expected auto, level1 or binance",
            options.format);
  std::string_view line;
  LineReader lines("ticks", path);
  while (lines.next(line) && trim(line).empty()) {
  }
  const bool binance = !line.empty() && line[0] >= '0' && line[0] <= '9';
  return binance ? open_binance(path, options) : open_level1(path, options);
}

}  // namespace quantick::market
