#include "quantick/market/tick_reader.h"

#include "quantick/core/error.h"
#include "quantick/market/byte_source.h"

namespace quantick::market {

std::unique_ptr<TickSource> open_ticks(const std::string& path, const TickReadOptions& options) {
  QTK_CHECK(options.instrument >= 0 && options.instrument <= std::numeric_limits<int32_t>::max(), ValueError,
            "[ticks] instrument, was {}, expected 0 or more", options.instrument);
  if (options.format == "level1") return open_level1(path, options);
  if (options.format == "binance") return open_binance(path, options);
  QTK_CHECK(options.format == "auto", ValueError, "[ticks] format, was \"{}\", expected auto, level1 or binance",
            options.format);
  std::string_view line;
  LineReader lines("ticks", path);
  const bool binance = lines.next(line) && !line.empty() && line[0] >= '0' && line[0] <= '9';
  return binance ? open_binance(path, options) : open_level1(path, options);
}

}  // namespace quantick::market
