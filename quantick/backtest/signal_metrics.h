#pragma once
// What scores are worth before any trading: correlation with what came after. Scores and labels
// stand on the same dates and instruments (align() brings them there); a pair counts where both are numbers.
#include <cstdint>
#include <span>
#include <vector>

#include "quantick/strategy/scores.h"

namespace quantick::backtest {

/// `matrix` on the dates and instruments of `like`; NaN where it has none.
strategy::ScoreMatrix align(const strategy::ScoreMatrix& matrix, const strategy::ScoreMatrix& like);

/// Returns from the close of t + delay to that of t + delay + horizon, on the dates of the closes; NaN beyond the end.
strategy::ScoreMatrix forward_returns(const strategy::ScoreMatrix& closes, int64_t horizon, int64_t delay = 1);

/// Information coefficient per date: Pearson correlation; NaN where fewer than 3 pairs or a constant side.
std::vector<double> information_coefficient(const strategy::ScoreMatrix& scores, const strategy::ScoreMatrix& labels);
/// Spearman correlation per date; ties share their mean rank.
std::vector<double> rank_information_coefficient(const strategy::ScoreMatrix& scores,
                                                 const strategy::ScoreMatrix& labels);

/// Of a series per date, NaN skipped. ratio = mean / deviation (ddof 1), not annualised (ICIR).
struct SeriesSummary {
  double mean;
  double deviation;
  double ratio;
  int64_t observations;
};
SeriesSummary summarize(std::span<const double> series);

/// Mean label per bucket of scores, bucket 0 lowest; equal scores fall by name. [T, buckets], NaN on dates with fewer
/// names than buckets.
struct QuantileReturns {
  int64_t buckets;
  std::vector<double> by_date;
  std::vector<double> mean;        // over dates
  std::vector<double> long_short;  // per date: top bucket less bottom bucket (Qlib halves this)
};
QuantileReturns quantile_returns(const strategy::ScoreMatrix& scores, const strategy::ScoreMatrix& labels,
                                 int64_t buckets);

/// Share of the best k of one set that are among the best k of the other, per date; k as in the strategies.
std::vector<double> top_k_overlap(const strategy::ScoreMatrix& a, const strategy::ScoreMatrix& b, double k);

/// Mean absolute error per date, in the labels' unit; NaN without pairs.
std::vector<double> absolute_error(const strategy::ScoreMatrix& scores, const strategy::ScoreMatrix& labels);

}  // namespace quantick::backtest
