#include "quantick/train/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "quantick/core/error.h"

namespace quantick::train {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr size_t kLeastPairs = 3;  // two points always correlate at +1 or -1; the backtest's rule too

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> ranks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (size_t i = first; i <= last; ++i) out[order[i]] = static_cast<double>(first + last) / 2;
    first = last + 1;
  }
  return out;
}

}  // namespace

double pearson(std::span<const double> a, std::span<const double> b) {
  QTK_CHECK(a.size() == b.size(), ValueError, "[pearson] values, was {}, expected {}", b.size(), a.size());
  if (a.size() < kLeastPairs) return kNaN;
  // Rounding can leave a constant side with a tiny variance, so it is recognized by its values.
  const auto constant = [](std::span<const double> v) {
    return std::all_of(v.begin(), v.end(), [&](double x) { return x == v[0]; });
  };
  if (constant(a) || constant(b)) return kNaN;
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double da = a[i] - mean_a, db = b[i] - mean_b;
    aa += da * da;
    bb += db * db;
    ab += da * db;
  }
  return ab / (std::sqrt(aa) * std::sqrt(bb));
}

double spearman(std::span<const double> a, std::span<const double> b) {
  const auto finite = [](std::span<const double> v) {
    return std::all_of(v.begin(), v.end(), [](double x) { return !std::isnan(x); });
  };
  if (!finite(a) || !finite(b)) return kNaN;
  return pearson(ranks(a), ranks(b));
}

InformationCoefficient information_coefficient(std::span<const float> predictions, std::span<const float> labels,
                                               std::span<const int64_t> group_sizes) {
  QTK_CHECK(predictions.size() == labels.size(), ValueError, "[information_coefficient] labels, was {}, expected {}",
            labels.size(), predictions.size());
  const int64_t total = std::accumulate(group_sizes.begin(), group_sizes.end(), int64_t{0});
  QTK_CHECK(total == static_cast<int64_t>(labels.size()), ValueError,
            "[information_coefficient] values in groups, was {}, expected {}", total, labels.size());
  InformationCoefficient out;
  size_t start = 0;
  for (const int64_t size : group_sizes) {
    const size_t stop = start + static_cast<size_t>(size);
    const std::vector<double> a(predictions.begin() + static_cast<int64_t>(start),
                                predictions.begin() + static_cast<int64_t>(stop));
    const std::vector<double> b(labels.begin() + static_cast<int64_t>(start),
                                labels.begin() + static_cast<int64_t>(stop));
    start = stop;
    const double ic = pearson(a, b), rank_ic = spearman(a, b);
    if (!std::isfinite(ic) || !std::isfinite(rank_ic)) continue;
    out.ic += ic;
    out.rank_ic += rank_ic;
    ++out.groups;
  }
  const auto count = static_cast<double>(out.groups);
  out.ic = out.groups > 0 ? out.ic / count : kNaN;
  out.rank_ic = out.groups > 0 ? out.rank_ic / count : kNaN;
  return out;
}

}  // namespace quantick::train
