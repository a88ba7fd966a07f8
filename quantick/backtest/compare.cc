#include "quantick/backtest/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "quantick/backtest/metrics.h"
#include "quantick/backtest/signal_metrics.h"
#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/drawdown.h"
#include "quantick/risk/statistics.h"

namespace quantick::backtest {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> draw(const std::vector<double>& series, std::span<const int64_t> dates) {
  std::vector<double> out;
  out.reserve(dates.size());
  for (const int64_t t : dates) out.push_back(series[static_cast<size_t>(t)]);
  return out;
}

/// A metric as a function of a series per date.
struct SeriesMetric {
  std::string name;
  std::array<std::vector<double>, 2> series;
  std::vector<market::Date> dates;
  std::function<double(std::span<const double>)> value;
};

std::vector<PairedMetric> evaluate(const std::vector<SeriesMetric>& metrics, int year,
                                   const BootstrapOptions& options) {
  std::vector<PairedMetric> out;
  for (const SeriesMetric& metric : metrics) {
    std::array<std::vector<double>, 2> part;
    for (size_t t = 0; t < metric.dates.size(); ++t) {
      const bool missing = std::isnan(metric.series[0][t]) || std::isnan(metric.series[1][t]);
      if (missing || (year != 0 && metric.dates[t].year() != year)) continue;
      for (size_t side = 0; side < 2; ++side) part[side].push_back(metric.series[side][t]);
    }
    out.push_back(paired_metric(
        metric.name, static_cast<int64_t>(part[0].size()),
        [&](int side, std::span<const int64_t> dates) {
          return metric.value(draw(part[static_cast<size_t>(side)], dates));
        },
        options));
  }
  return out;
}

double mean_of(std::span<const double> x) { return risk::mean(x); }

/// ic, rank_ic, the error times `scale` under a name, top_k_overlap.
std::vector<SeriesMetric> score_metrics(const strategy::ScoreMatrix& f, const strategy::ScoreMatrix& q,
                                        const strategy::ScoreMatrix& labels, double top_k, const std::string& mae,
                                        double scale) {
  QTK_CHECK(f.dates == q.dates && f.instruments == q.instruments, ShapeError,
            "[compare] float32 scores of {} x {} and int8 scores of {} x {}, expected the same dates and instruments",
            f.date_count(), f.instrument_count(), q.date_count(), q.instrument_count());
  const auto error = [&](const strategy::ScoreMatrix& scores) {
    std::vector<double> series = absolute_error(scores, labels);
    for (double& v : series) v *= scale;
    return series;
  };
  const std::vector<double> overlap = top_k_overlap(f, q, top_k);
  std::vector<double> itself = overlap;
  for (double& v : itself) v = std::isnan(v) ? v : 1;
  return {
      {"ic", {information_coefficient(f, labels), information_coefficient(q, labels)}, f.dates, mean_of},
      {"rank_ic", {rank_information_coefficient(f, labels), rank_information_coefficient(q, labels)}, f.dates, mean_of},
      {mae, {error(f), error(q)}, f.dates, mean_of},
      {"top_k_overlap", {itself, overlap}, f.dates, mean_of}};
}

}  // namespace

void check_options(const BootstrapOptions& options) {
  QTK_CHECK(options.method == "stationary" || options.method == "moving", ValueError,
            "[bootstrap] method, was \"{}\", expected stationary or moving", options.method);
  QTK_CHECK(options.block_length >= 1, ValueError, "[bootstrap] block_length, was {}, expected >= 1",
            options.block_length);
  QTK_CHECK(options.resamples >= 100, ValueError, "[bootstrap] resamples, was {}, expected >= 100", options.resamples);
  QTK_CHECK(options.confidence > 0 && options.confidence < 1, ValueError,
            "[bootstrap] confidence, was {}, expected inside (0, 1)", options.confidence);
}

std::vector<int64_t> bootstrap_dates(int64_t n, int64_t resample, const BootstrapOptions& options) {
  const Key key = Key(options.seed).fold("bootstrap").fold(static_cast<uint64_t>(resample));
  const Key starts = key.fold("start"), ends = key.fold("end");
  const int64_t length = std::clamp<int64_t>(options.block_length, 1, std::max<int64_t>(1, n));
  const double stop = 1.0 / static_cast<double>(length);
  const bool stationary = options.method == "stationary";
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t at = static_cast<uint64_t>(i);
    const bool fresh = i == 0 || (stationary ? ends.uniform(at) < stop : i % length == 0);
    out.push_back(fresh ? static_cast<int64_t>(starts.below(at, static_cast<uint64_t>(n))) : (out.back() + 1) % n);
  }
  return out;
}

PairedMetric paired_metric(std::string name, int64_t dates, const PairedStatistic& value,
                           const BootstrapOptions& options) {
  check_options(options);
  PairedMetric out{std::move(name), kNone, kNone, kNone, kNone, kNone, dates};
  if (dates < 2) return out;
  std::vector<int64_t> all(static_cast<size_t>(dates));
  std::iota(all.begin(), all.end(), int64_t{0});
  out.float32 = value(0, all);
  out.int8 = value(1, all);
  out.difference = out.int8 - out.float32;
  std::vector<double> drawn(static_cast<size_t>(options.resamples));
  constexpr int64_t kGrain = 16;  // resamples per chunk
  parallel_ranges(options.resamples, kGrain, [&](int64_t begin, int64_t end) {
    check_interrupt();
    for (int64_t r = begin; r < end; ++r) {
      const std::vector<int64_t> sample = bootstrap_dates(dates, r, options);
      drawn[static_cast<size_t>(r)] = value(1, sample) - value(0, sample);
    }
  });
  std::erase_if(drawn, [](double v) { return std::isnan(v); });
  if (drawn.empty()) return out;
  const double tail = (1 - options.confidence) / 2;
  out.low = risk::quantile(drawn, tail);
  out.high = risk::quantile(drawn, 1 - tail);
  return out;
}

Comparison compare(const PairedRun& run, const BootstrapOptions& options) {
  check_options(options);
  const auto& f = run.float32_scores;
  const auto& q = run.int8_scores;
  QTK_CHECK(run.float32_backtest.dates == run.int8_backtest.dates, ShapeError,
            "[compare] backtests of {} and {} bars, expected the same dates", run.float32_backtest.bar_count(),
            run.int8_backtest.bar_count());
  constexpr double kBasisPoints = 1e4;
  const auto& bars = run.float32_backtest.dates;
  std::vector<SeriesMetric> metrics = score_metrics(f, q, align(run.labels, f), run.top_k, "mae_bps", kBasisPoints);
  metrics.push_back({"turnover", {run.float32_backtest.turnover, run.int8_backtest.turnover}, bars, mean_of});
  metrics.push_back({"sharpe",
                     {run.float32_backtest.net_return, run.int8_backtest.net_return},
                     bars,
                     [periods = run.periods_per_year](std::span<const double> x) { return sharpe(x, periods); }});
  metrics.push_back({"max_drawdown",
                     {run.float32_backtest.net_return, run.int8_backtest.net_return},
                     bars,
                     [](std::span<const double> x) { return risk::max_drawdown(x); }});
  Comparison out;
  out.overall = evaluate(metrics, 0, options);
  if (!f.dates.empty()) {
    for (int year = f.dates.front().year(); year <= f.dates.back().year(); ++year) {
      const bool present =
          std::any_of(f.dates.begin(), f.dates.end(), [&](market::Date date) { return date.year() == year; });
      if (present) out.years.emplace_back(year, evaluate(metrics, year, options));
    }
  }
  out.method = fmt::format(
      "{} block bootstrap, both sides drawn with the same dates, blocks of {} dates, {} resamples, {:g} % percentile "
      "interval, seed {}",
      options.method, options.block_length, options.resamples, options.confidence * 100, options.seed);
  return out;
}

std::vector<PairedMetric> compare_scores(const strategy::ScoreMatrix& float32, const strategy::ScoreMatrix& int8,
                                         const strategy::ScoreMatrix& labels, double top_k,
                                         const BootstrapOptions& options) {
  check_options(options);
  const strategy::ScoreMatrix aligned = align(labels, float32);
  std::vector<double> finite;
  for (const double v : aligned.values)
    if (std::isfinite(v)) finite.push_back(v);
  const std::vector<SeriesMetric> metrics =
      score_metrics(float32, int8, aligned, top_k, "mae", 1 / risk::standard_deviation(finite));
  std::vector<PairedMetric> out = evaluate(metrics, 0, options);
  std::array<std::vector<double>, 2> errors;
  const auto& mae = metrics[2].series;
  for (size_t t = 0; t < mae[0].size(); ++t) {
    if (std::isnan(mae[0][t]) || std::isnan(mae[1][t])) continue;
    for (size_t side = 0; side < 2; ++side) errors[side].push_back(mae[side][t]);
  }
  constexpr double kPercent = 100;
  const PairedStatistic change = [&](int side, std::span<const int64_t> dates) {
    return side == 0 ? 0 : kPercent * (risk::mean(draw(errors[1], dates)) / risk::mean(draw(errors[0], dates)) - 1);
  };
  out.insert(out.begin() + 3, paired_metric("mae_change", static_cast<int64_t>(errors[0].size()), change, options));
  return out;
}

}  // namespace quantick::backtest
