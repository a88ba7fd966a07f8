#pragma once
// What a backtest of any strategy needs to know of the market, brought onto one table once, so that many runs share it.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quantick/backtest/prices.h"
#include "quantick/strategy/scores.h"

namespace quantick::backtest {

/// Bars are the prices' dates from the first score date to the last; columns the scores' instruments.
class BacktestInputs {
 public:
  /// Throws ValueError or ShapeError that names what does not fit: the scores' instruments must be among the prices',
  /// their dates on the prices' calendar, two or more.
  BacktestInputs(const Prices& prices, const strategy::ScoreMatrix& scores);

  /// One value per instrument each.
  struct Bar {
    market::Date date;
    std::span<const double> close;      ///< the last known up to this bar; NaN: none yet
    std::span<const uint8_t> tradable;  ///< 1: has a close in this bar
    std::span<const int32_t> missing;   ///< bars in a row, up to this one, without a close
    std::span<const double> open;       ///< empty where the prices have none
    std::span<const double> volume;     ///< empty where the prices have none
    std::span<const double> scores;     ///< empty: no scores on this date
    std::span<const int64_t> order;     ///< instruments by these scores, best first (strategy::Ranking)
  };
  Bar bar(int64_t t) const;

  int64_t bar_count() const { return static_cast<int64_t>(dates_.size()); }
  const std::vector<std::string>& instruments() const { return scores_.instruments; }
  const std::string& close_name() const { return close_name_; }
  bool has_open() const { return !open_.empty(); }

 private:
  strategy::ScoreMatrix scores_;
  std::string close_name_;
  std::vector<market::Date> dates_;
  std::vector<int64_t> score_row_;  ///< by bar, -1: none
  std::vector<double> close_, open_, volume_;
  std::vector<uint8_t> tradable_;
  std::vector<int32_t> missing_;
  std::vector<int64_t> order_;  ///< [score dates, N]
};

}  // namespace quantick::backtest
