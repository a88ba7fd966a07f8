#pragma once
// For tests: random prices with gaps, late starters, early leavers and equal prices, from a keyed generator.
#include <cmath>
#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/market/panel.h"

namespace quantick::features::testing {

/// OHLCV with `missing` as the share of missing bars; instrument 1 begins late, instrument 2 ends early.
inline market::Panel random_panel(int64_t dates, int64_t instruments, double missing, uint64_t seed = 7) {
  const Key key(seed);
  market::Panel panel;
  panel.price_field = "close";
  for (int64_t t = 0; t < dates; ++t)
    panel.dates.push_back(market::Date::from_ymd(2015, 1, 1).plus(static_cast<int32_t>(t)));
  for (int64_t i = 0; i < instruments; ++i) panel.instruments.push_back("I" + std::to_string(i));
  const int64_t cells = dates * instruments;
  std::vector<double> open(cells), high(cells), low(cells), close(cells), volume(cells);
  for (int64_t i = 0; i < instruments; ++i) {
    double price = 20 + static_cast<double>(i);
    for (int64_t t = 0; t < dates; ++t) {
      const int64_t c = t * instruments + i;
      const auto draw = [&](const char* name) { return key.fold(name).normal(static_cast<uint64_t>(c)); };
      open[c] = price * std::exp(0.003 * draw("open"));
      if (key.fold("still").uniform(static_cast<uint64_t>(c)) > 0.05) price *= std::exp(0.02 * draw("close"));
      close[c] = price;
      high[c] = std::max(open[c], close[c]) * std::exp(0.005 * std::abs(draw("high")));
      low[c] = std::min(open[c], close[c]) * std::exp(-0.005 * std::abs(draw("low")));
      volume[c] = std::floor(std::exp(10 + draw("volume")));
      const bool gone = (i == 1 && t < dates / 4) || (i == 2 && t >= dates - dates / 4);
      if (gone || key.fold("missing").uniform(static_cast<uint64_t>(c)) < missing) {
        open[c] = high[c] = low[c] = close[c] = volume[c] = market::kMissing;
      }
    }
  }
  panel.add_field("open", open);
  panel.add_field("high", high);
  panel.add_field("low", low);
  panel.add_field("close", close);
  panel.add_field("volume", volume);
  return panel;
}

}  // namespace quantick::features::testing
