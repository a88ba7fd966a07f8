#include "quantick/backtest/inputs.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "quantick/core/error.h"
#include "quantick/strategy/strategy.h"

namespace quantick::backtest {

BacktestInputs::BacktestInputs(const Prices& prices, const strategy::ScoreMatrix& scores)
    : scores_(scores), close_name_(prices.close_name) {
  prices.check();
  scores.check();
  std::unordered_map<int32_t, int64_t> calendar;
  for (size_t t = 0; t < prices.dates.size(); ++t) calendar.emplace(prices.dates[t].days, static_cast<int64_t>(t));
  for (const market::Date date : scores.dates)
    QTK_CHECK(calendar.count(date.days) == 1, ValueError,
              "[backtest] scores stand on {}, which is not a date of the prices ({} to {})", date.to_string(),
              prices.dates.front().to_string(), prices.dates.back().to_string());
  const int64_t first = calendar.at(scores.dates.front().days), last = calendar.at(scores.dates.back().days);
  QTK_CHECK(first < last, ValueError, "[backtest] scores on one date ({}), expected at least two",
            scores.dates.front().to_string());

  const strategy::ScoreMatrix names{prices.dates, prices.instruments, {}};
  const std::vector<int64_t> columns = names.positions_of(scores.instruments);
  const size_t n = columns.size();
  std::vector<double> known(n, std::numeric_limits<double>::quiet_NaN());
  std::vector<int32_t> missing(n, 0);
  size_t next_score = 0;
  for (int64_t t = 0; t <= last; ++t) {
    const size_t row = static_cast<size_t>(t) * prices.instruments.size();
    for (size_t i = 0; i < n; ++i) {
      const size_t cell = row + static_cast<size_t>(columns[i]);
      const double close = prices.close[cell];
      const bool has_close = !std::isnan(close);
      missing[i] = has_close ? 0 : missing[i] + 1;
      if (has_close) known[i] = close;
      if (t < first) continue;
      tradable_.push_back(has_close);
      if (!prices.open.empty()) open_.push_back(prices.open[cell]);
      if (!prices.volume.empty()) volume_.push_back(prices.volume[cell]);
    }
    if (t < first) continue;
    dates_.push_back(prices.dates[static_cast<size_t>(t)]);
    close_.insert(close_.end(), known.begin(), known.end());
    missing_.insert(missing_.end(), missing.begin(), missing.end());
    const bool scored = scores.dates[next_score] == dates_.back();
    score_row_.push_back(scored ? static_cast<int64_t>(next_score) : -1);
    next_score += scored;
  }

  const strategy::Ranking ranking(scores.instruments);
  std::vector<int64_t> all(n);
  std::iota(all.begin(), all.end(), int64_t{0});
  for (int64_t t = 0; t < scores.date_count(); ++t) {
    const std::vector<int64_t> order = ranking.best_first(scores.row(t), all);
    order_.insert(order_.end(), order.begin(), order.end());
  }
}

BacktestInputs::Bar BacktestInputs::bar(int64_t t) const {
  const size_t n = instruments().size(), at = static_cast<size_t>(t) * n;
  Bar out{.date = dates_[static_cast<size_t>(t)],
          .close = std::span(close_).subspan(at, n),
          .tradable = std::span(tradable_).subspan(at, n),
          .missing = std::span(missing_).subspan(at, n),
          .open = {},
          .volume = {},
          .scores = {},
          .order = {}};
  if (!open_.empty()) out.open = std::span(open_).subspan(at, n);
  if (!volume_.empty()) out.volume = std::span(volume_).subspan(at, n);
  const int64_t row = score_row_[static_cast<size_t>(t)];
  if (row >= 0) {
    out.scores = scores_.row(row);
    out.order = std::span(order_).subspan(static_cast<size_t>(row) * n, n);
  }
  return out;
}

}  // namespace quantick::backtest
