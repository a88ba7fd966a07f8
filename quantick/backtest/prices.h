#pragma once
// The prices a backtest runs on, [T, N] each, all on one footing (adjusted or not).
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/market/panel.h"
#include "quantick/strategy/scores.h"

namespace quantick::backtest {

struct Prices {
  std::vector<market::Date> dates;
  std::vector<std::string> instruments;
  std::vector<double> close;   // NaN: no trading that day
  std::vector<double> open;    // may be empty
  std::vector<double> volume;  // may be empty; in the shares that `close` is the price of
  std::string close_name = "close";

  int64_t date_count() const { return static_cast<int64_t>(dates.size()); }
  int64_t instrument_count() const { return static_cast<int64_t>(instruments.size()); }

  /// From a panel: its price field, and open and volume where it has them. Where THE price is an adjusted close beside
  /// a raw one, opens are adjusted by the same day's ratio and volumes by its inverse, so that traded value stays as it
  /// was.
  static Prices from_panel(const market::Panel& panel);
  /// From a matrix of closes.
  static Prices from_closes(const strategy::ScoreMatrix& closes);

  /// Throws ShapeError or ValueError that names the field, date and instrument (zero, negative or infinite prices).
  void check() const;
};

}  // namespace quantick::backtest
