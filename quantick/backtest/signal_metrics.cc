#include "quantick/backtest/signal_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/risk/statistics.h"
#include "quantick/strategy/strategy.h"

namespace quantick::backtest {

using strategy::ScoreMatrix;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kLeastPairs = 3;  // two points always correlate at +1 or -1

void check_pair(const ScoreMatrix& a, const ScoreMatrix& b) {
  a.check("first matrix");
  b.check("second matrix");
  QTK_CHECK(a.dates == b.dates && a.instruments == b.instruments, ShapeError,
            "[signal] matrices of {} x {} and {} x {}, expected the same dates and instruments (see align)",
            a.date_count(), a.instrument_count(), b.date_count(), b.instrument_count());
}

struct Pairs {
  std::vector<double> x, y;
};
Pairs pairs_of(std::span<const double> a, std::span<const double> b) {
  Pairs pairs;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) continue;
    pairs.x.push_back(a[i]);
    pairs.y.push_back(b[i]);
  }
  return pairs;
}

template <class Body>
std::vector<double> per_date(const ScoreMatrix& a, Body&& body) {
  std::vector<double> out(a.dates.size());
  constexpr int64_t kGrain = 64;  // dates per chunk
  parallel_ranges(a.date_count(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) out[static_cast<size_t>(t)] = body(t);
  });
  return out;
}

double pearson(std::span<const double> a, std::span<const double> b) {
  const Pairs pairs = pairs_of(a, b);
  return pairs.x.size() < kLeastPairs ? kNone : risk::correlation(pairs.x, pairs.y);
}

double spearman(std::span<const double> a, std::span<const double> b) {
  const Pairs pairs = pairs_of(a, b);
  if (pairs.x.size() < kLeastPairs) return kNone;
  return risk::correlation(risk::average_ranks(pairs.x), risk::average_ranks(pairs.y));
}

}  // namespace

ScoreMatrix align(const ScoreMatrix& matrix, const ScoreMatrix& like) {
  std::unordered_map<int32_t, int64_t> dates;
  for (size_t t = 0; t < matrix.dates.size(); ++t) dates.emplace(matrix.dates[t].days, static_cast<int64_t>(t));
  std::unordered_map<std::string_view, size_t> names;
  for (size_t i = 0; i < matrix.instruments.size(); ++i) names.emplace(matrix.instruments[i], i);
  ScoreMatrix out{like.dates, like.instruments,
                  std::vector<double>(like.dates.size() * like.instruments.size(), kNone)};
  for (int64_t t = 0; t < out.date_count(); ++t) {
    const auto date = dates.find(out.dates[static_cast<size_t>(t)].days);
    if (date == dates.end()) continue;
    for (size_t i = 0; i < out.instruments.size(); ++i) {
      const auto name = names.find(out.instruments[i]);
      if (name != names.end()) out.row(t)[i] = matrix.row(date->second)[name->second];
    }
  }
  return out;
}

ScoreMatrix forward_returns(const ScoreMatrix& closes, int64_t horizon, int64_t delay) {
  closes.check("closes");
  QTK_CHECK(horizon >= 1 && delay >= 0, ValueError, "[signal] horizon {} and delay {}, expected >= 1 and >= 0", horizon,
            delay);
  ScoreMatrix out{closes.dates, closes.instruments, std::vector<double>(closes.values.size(), kNone)};
  const int64_t dates = closes.date_count();  // nothing lies further ahead
  delay = std::min(delay, dates);
  horizon = std::min(horizon, dates);
  for (int64_t t = 0; t + delay + horizon < dates; ++t) {
    const auto from = closes.row(t + delay), to = closes.row(t + delay + horizon);
    for (size_t i = 0; i < from.size(); ++i) out.row(t)[i] = to[i] / from[i] - 1;
  }
  return out;
}

std::vector<double> information_coefficient(const ScoreMatrix& scores, const ScoreMatrix& labels) {
  check_pair(scores, labels);
  return per_date(scores, [&](int64_t t) { return pearson(scores.row(t), labels.row(t)); });
}

std::vector<double> rank_information_coefficient(const ScoreMatrix& scores, const ScoreMatrix& labels) {
  check_pair(scores, labels);
  return per_date(scores, [&](int64_t t) { return spearman(scores.row(t), labels.row(t)); });
}

SeriesSummary summarize(std::span<const double> series) {
  std::vector<double> numbers;
  std::copy_if(series.begin(), series.end(), std::back_inserter(numbers), [](double v) { return !std::isnan(v); });
  SeriesSummary out{kNone, kNone, kNone, static_cast<int64_t>(numbers.size())};
  if (!numbers.empty()) out.mean = risk::mean(numbers);
  if (numbers.size() >= 2) out.deviation = risk::standard_deviation(numbers);
  if (out.deviation > 0) out.ratio = out.mean / out.deviation;
  return out;
}

QuantileReturns quantile_returns(const ScoreMatrix& scores, const ScoreMatrix& labels, int64_t buckets) {
  check_pair(scores, labels);
  QTK_CHECK(buckets >= 2 && buckets <= scores.instrument_count(), ValueError,
            "[signal] quantile buckets, was {}, expected 2..{} (the instruments)", buckets, scores.instrument_count());
  const strategy::Ranking ranking(scores.instruments);
  const size_t q = static_cast<size_t>(buckets);
  QuantileReturns out{buckets, std::vector<double>(scores.dates.size() * q, kNone), std::vector<double>(q, kNone),
                      std::vector<double>(scores.dates.size(), kNone)};
  for (int64_t t = 0; t < scores.date_count(); ++t) {
    std::vector<int64_t> members;
    for (int64_t i = 0; i < scores.instrument_count(); ++i) {
      const size_t at = static_cast<size_t>(i);
      if (!std::isnan(scores.row(t)[at]) && !std::isnan(labels.row(t)[at])) members.push_back(i);
    }
    const int64_t n = static_cast<int64_t>(members.size());
    if (n < buckets) continue;
    const std::vector<int64_t> order = ranking.best_first(scores.row(t), members);
    std::vector<double> sum(q, 0.0), count(q, 0.0);
    for (int64_t place = 0; place < n; ++place) {
      const size_t bucket = static_cast<size_t>((n - 1 - place) * buckets / n);
      sum[bucket] += labels.row(t)[static_cast<size_t>(order[static_cast<size_t>(place)])];
      count[bucket] += 1;
    }
    double* row = &out.by_date[static_cast<size_t>(t) * q];
    for (size_t b = 0; b < q; ++b) row[b] = sum[b] / count[b];
    out.long_short[static_cast<size_t>(t)] = row[q - 1] - row[0];
  }
  for (size_t b = 0; b < q; ++b) {
    std::vector<double> column;
    for (size_t t = 0; t < scores.dates.size(); ++t) column.push_back(out.by_date[t * q + b]);
    out.mean[b] = summarize(column).mean;
  }
  return out;
}

std::vector<double> top_k_overlap(const ScoreMatrix& a, const ScoreMatrix& b, double k) {
  check_pair(a, b);
  strategy::check_count_or_share("top_k_overlap", "k", k);
  QTK_CHECK(k < 1 || static_cast<int64_t>(k) <= a.instrument_count(), ValueError,
            "[signal] top-k overlap of k = {}, expected at most {}, the instruments", k, a.instrument_count());
  const strategy::Ranking ranking(a.instruments);
  return per_date(a, [&](int64_t t) {
    std::vector<int64_t> members;
    for (int64_t i = 0; i < a.instrument_count(); ++i) {
      const size_t at = static_cast<size_t>(i);
      if (!std::isnan(a.row(t)[at]) && !std::isnan(b.row(t)[at])) members.push_back(i);
    }
    if (members.empty()) return kNone;
    const int64_t n = static_cast<int64_t>(members.size());
    const int64_t take = std::min(n, strategy::count_or_share(k, n));
    std::vector<int64_t> best_a = ranking.best_first(a.row(t), members), best_b = ranking.best_first(b.row(t), members);
    best_a.resize(static_cast<size_t>(take));
    best_b.resize(static_cast<size_t>(take));
    int64_t common = 0;
    for (const int64_t i : best_a) common += std::find(best_b.begin(), best_b.end(), i) != best_b.end();
    return static_cast<double>(common) / static_cast<double>(take);
  });
}

std::vector<double> absolute_error(const ScoreMatrix& scores, const ScoreMatrix& labels) {
  check_pair(scores, labels);
  return per_date(scores, [&](int64_t t) {
    const Pairs pairs = pairs_of(scores.row(t), labels.row(t));
    double sum = 0;
    for (size_t i = 0; i < pairs.x.size(); ++i) sum += std::fabs(pairs.x[i] - pairs.y[i]);
    return pairs.x.empty() ? kNone : sum / static_cast<double>(pairs.x.size());
  });
}

}  // namespace quantick::backtest
