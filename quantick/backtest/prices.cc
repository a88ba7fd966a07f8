#include "quantick/backtest/prices.h"

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::backtest {

Prices Prices::from_panel(const market::Panel& panel) {
  QTK_CHECK(!panel.intraday(), ValueError,
            "[backtest] {}: bars within a day, expected one bar per date: a backtest trades at daily closes; `quantick "
            "compare` takes intraday bars",
            panel.source.path);
  const auto copy = [&](std::string_view name) {
    const auto values = panel.field(name);
    return std::vector<double>(values.begin(), values.end());
  };
  Prices prices;
  prices.dates = panel.dates;
  prices.instruments = panel.instruments;
  prices.close = copy("price");
  prices.close_name = panel.price_field;
  if (panel.has("volume")) prices.volume = copy("volume");
  if (panel.has("open") && panel.has("close")) prices.open = copy("open");
  if (panel.price_field != "close" && panel.has("close")) {
    const auto raw = panel.field("close");
    for (size_t i = 0; i < prices.close.size(); ++i) {
      const double factor = prices.close[i] / raw[i];
      if (!prices.open.empty()) prices.open[i] *= factor;
      if (!prices.volume.empty()) prices.volume[i] /= factor;
    }
  }
  prices.check();
  return prices;
}

Prices Prices::from_closes(const strategy::ScoreMatrix& closes) {
  Prices prices;
  prices.dates = closes.dates;
  prices.instruments = closes.instruments;
  prices.close = closes.values;
  prices.check();
  return prices;
}

void Prices::check() const {
  strategy::ScoreMatrix{dates, instruments, close}.check("prices");
  const auto check_field = [&](const std::vector<double>& values, const char* name, bool may_be_zero) {
    QTK_CHECK(values.empty() || values.size() == close.size(), ShapeError,
              "[backtest] {}: {} values, expected {} (or none at all)", name, values.size(), close.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const double v = values[i];
      QTK_CHECK(std::isnan(v) || (std::isfinite(v) && (v > 0 || (may_be_zero && v == 0))), ValueError,
                "[backtest] {} of {} on {}, was {}, expected a positive number or NaN (none)", name,
                instruments[i % instruments.size()], dates[i / instruments.size()].to_string(), v);
    }
  };
  check_field(close, "close", false);
  check_field(open, "open", false);
  check_field(volume, "volume", true);
}

}  // namespace quantick::backtest
