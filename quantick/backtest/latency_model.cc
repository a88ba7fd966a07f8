#include "quantick/backtest/latency_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/market/csv.h"

namespace quantick::backtest {
namespace {

/// False for NaN, too.
bool in_range(double ns) { return ns >= 0 && ns <= static_cast<double>(kLongestLatency); }

double latency_of(const market::CsvReader& csv, size_t column) {
  const double value = market::parse_number(csv, column);
  QTK_CHECK(in_range(value), ParseError, "{}, was {}, expected nanoseconds from 0 to a day", csv.where(column), value);
  return value;
}

}  // namespace

ConstantLatency::ConstantLatency(int64_t nanoseconds) : nanoseconds_(nanoseconds) {
  QTK_CHECK(nanoseconds >= 0 && nanoseconds <= kLongestLatency, ValueError,
            "[backtest] latency, was {} ns, expected 0 to a day", nanoseconds);
}

std::string ConstantLatency::describe() const { return fmt::format("latency {} ns", nanoseconds_); }

EmpiricalLatency::EmpiricalLatency(std::vector<std::pair<double, double>> quantiles, uint64_t seed, std::string source)
    : quantiles_(std::move(quantiles)), key_(Key(seed).fold("latency")), source_(std::move(source)) {
  QTK_CHECK(!quantiles_.empty(), ValueError, "[backtest] latency distribution of {}: no point, expected one or more",
            source_);
  for (size_t i = 0; i < quantiles_.size(); ++i) {
    const auto [share, ns] = quantiles_[i];
    QTK_CHECK(share >= 0 && share <= 1 && in_range(ns), ValueError,
              "[backtest] latency distribution of {}: {} ns at share {}, expected 0 to a day at a share inside [0, 1]",
              source_, ns, share);
    QTK_CHECK(
        i == 0 || (quantiles_[i - 1].first < share && quantiles_[i - 1].second <= ns), ValueError,
        "[backtest] latency distribution of {}: {} ns at share {} stands behind {} ns at share {}, expected shares "
        "that ascend and latencies that never fall",
        source_, ns, share, quantiles_[i - 1].second, quantiles_[i - 1].first);
  }
}

EmpiricalLatency EmpiricalLatency::from_samples(std::span<const double> samples, uint64_t seed, std::string source) {
  for (const double ns : samples)  // what is not a number has no place in an order
    QTK_CHECK(in_range(ns), ValueError, "[backtest] latency of {}, was {} ns, expected 0 to a day", source, ns);
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::pair<double, double>> quantiles;
  const double last = std::max<double>(1, static_cast<double>(sorted.size()) - 1);
  for (size_t i = 0; i < sorted.size(); ++i) quantiles.emplace_back(static_cast<double>(i) / last, sorted[i]);
  return {std::move(quantiles), seed, std::move(source)};
}

double EmpiricalLatency::quantile(double share) const {
  const auto above = std::lower_bound(quantiles_.begin(), quantiles_.end(), share,
                                      [](const auto& point, double wanted) { return point.first < wanted; });
  if (above == quantiles_.begin()) return above->second;
  if (above == quantiles_.end()) return quantiles_.back().second;
  const auto [low, a] = above[-1];
  const auto [high, b] = *above;
  return a + (b - a) * (share - low) / (high - low);
}

int64_t EmpiricalLatency::nanoseconds(int64_t decision) const {
  return std::llround(quantile(key_.uniform(static_cast<uint64_t>(decision))));
}

std::string EmpiricalLatency::describe() const {
  return fmt::format(
      "latency drawn from {} points of {}: p50 {:.0f} ns, p99 {:.0f} ns, p99.9 {:.0f} ns, largest {:.0f} ns",
      quantiles_.size(), source_, quantile(0.5), quantile(0.99), quantile(0.999), quantile(1));
}

EmpiricalLatency read_latency(const std::string& path, uint64_t seed, const std::string& column) {
  market::CsvReader csv(path);
  const auto& header = csv.header();
  const auto place = [&](const std::string& name) {
    return static_cast<size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  const size_t share = place("share"), ns = place("ns"), samples = place(column);
  std::vector<std::pair<double, double>> quantiles;
  if (share < header.size() && ns < header.size()) {
    while (csv.next()) quantiles.emplace_back(market::parse_number(csv, share), latency_of(csv, ns));
    return {std::move(quantiles), seed, path};
  }
  QTK_CHECK(samples < header.size(), ParseError,
            "{}:1: columns {}, expected {} (samples in ns), or share and ns (a quantile function)", path,
            fmt::join(header, ", "), column);
  std::vector<double> values;
  while (csv.next()) values.push_back(latency_of(csv, samples));
  return EmpiricalLatency::from_samples(values, seed, path);
}

}  // namespace quantick::backtest
