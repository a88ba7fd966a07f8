#pragma once
// float32 against int8 on the same dates, prices and costs: every difference with an interval by block bootstrap, in
// which both sides are resampled with the same dates.
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "quantick/backtest/engine.h"
#include "quantick/core/rng.h"
#include "quantick/strategy/scores.h"

namespace quantick::backtest {

struct BootstrapOptions {
  std::string method = "stationary";
  int64_t block_length = 20;
  int64_t resamples = 1000;
  double confidence = 0.95;
  uint64_t seed = 0;
  static constexpr auto fields() {
    using O = BootstrapOptions;
    return std::make_tuple(
        field("method", &O::method,
              "stationary (Politis and Romano 1994, random block lengths) or moving (fixed ones); both circular"),
        field("block_length", &O::block_length, "dates in a block, on average; at most the dates there are"),
        field("resamples", &O::resamples, "resamples drawn, 100 or more"),
        field("confidence", &O::confidence, "share inside the percentile interval"),
        field("seed", &O::seed, "of the random numbers"));
  }
};

/// Throws ValueError for options out of range, as compare() does.
void check_options(const BootstrapOptions& options);

/// Positions of one resample of `n` dates.
std::vector<int64_t> bootstrap_dates(int64_t n, int64_t resample, const BootstrapOptions& options);

struct PairedMetric {
  std::string name;
  double float32;
  double int8;
  double difference;  // int8 - float32
  double low;         // of the difference
  double high;
  int64_t observations;  // dates
};

/// A metric of two series from which dates may be drawn: value(side, dates), side 0 = float32, 1 = int8.
using PairedStatistic = std::function<double(int side, std::span<const int64_t> dates)>;
/// Throws ValueError for options out of range. NaN limits where the statistic is undefined on every resample.
PairedMetric paired_metric(std::string name, int64_t dates, const PairedStatistic& value,
                           const BootstrapOptions& options);

/// What is compared. Labels are in the scores' unit (returns), on any dates and instruments that include the scores'.
struct PairedRun {
  const strategy::ScoreMatrix& float32_scores;
  const strategy::ScoreMatrix& int8_scores;
  const strategy::ScoreMatrix& labels;
  const BacktestResult& float32_backtest;
  const BacktestResult& int8_backtest;
  double top_k = 0.2;
  double periods_per_year = 252;
};

/// Metrics ic, rank_ic, mae_bps, top_k_overlap, turnover, sharpe, max_drawdown: over all dates, and by year.
struct Comparison {
  std::vector<PairedMetric> overall;
  std::vector<std::pair<int, std::vector<PairedMetric>>> years;
  std::string method;  // one line for the report
};
/// Throws ShapeError where the two sides do not stand on the same dates and instruments.
Comparison compare(const PairedRun& run, const BootstrapOptions& options = {});

/// What scores tell without a backtest: ic, rank_ic, mae (in standard deviations of the labels), mae_change (percent of
/// float32's mae, which is 0 here), top_k_overlap. Labels are in the scores' unit, on any dates and instruments that
/// include the scores'. Throws ShapeError as compare().
std::vector<PairedMetric> compare_scores(const strategy::ScoreMatrix& float32, const strategy::ScoreMatrix& int8,
                                         const strategy::ScoreMatrix& labels, double top_k,
                                         const BootstrapOptions& options = {});

}  // namespace quantick::backtest
