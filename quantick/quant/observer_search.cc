#include "quantick/quant/observer_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quantick::quant {
namespace {

// Neighbours among the tried ends differ by this factor at least: 4 %, a third of a bit being 26 %.
const double kSpacing = std::exp2(-1.0 / 16);
constexpr size_t kMostEnds = 128;
// How far below a value ends are tried where no values are.
constexpr double kLargestGap = 2;
// Ends of either side that are tried in all pairs, since costs have many valleys.
constexpr size_t kPairedEnds = 24;
// Points between the neighbours of the best end, in each of the rounds of refinement.
constexpr int kFinePoints = 8, kFineRounds = 2;
// Alternations between the low and the high end; more have not been seen to change anything.
constexpr int kAlternations = 3;
// Of a cost: what counts as an improvement. Below it lies the rounding of sums.
constexpr double kImprovement = 1e-12;

/// Bins by magnitude, the largest first: of one sign, or of both.
std::vector<HistogramBin> magnitudes(const std::vector<HistogramBin>& bins, bool negative, bool positive) {
  std::vector<HistogramBin> out;
  for (const HistogramBin& b : bins) {
    if (b.high <= 0 && b.low < 0 && negative) out.push_back({-b.high, -b.low, b.count});
    if (b.high > 0 && positive) out.push_back(b);
  }
  std::sort(out.begin(), out.end(), [](const HistogramBin& a, const HistogramBin& b) { return a.high > b.high; });
  return out;
}

std::vector<double> thinned(const std::vector<double>& values, size_t most) {
  std::vector<double> out;
  const size_t stride = (values.size() + most - 1) / most;
  for (size_t i = 0; i < values.size(); i += stride) out.push_back(values[i]);
  return out;
}

/// Ends to try, descending: upper edges of bins, and a few in the gaps between them, down to half the median, below
/// which most values would be clipped.
std::vector<double> ends_of(const std::vector<HistogramBin>& bins) {
  if (bins.empty()) return {0};
  int64_t total = 0, above = 0;
  for (const HistogramBin& b : bins) total += b.count;
  double floor = 0;
  for (const HistogramBin& b : bins) {
    floor = b.high / 2;
    if (2 * (above += b.count) >= total) break;
  }
  std::vector<double> dense{bins[0].high};
  for (const HistogramBin& b : bins) {
    if (b.high < floor) break;
    // A gap below an outlier: the best end may clip it in part.
    const double reach = std::max(b.high, dense.back() / kLargestGap) / kSpacing;
    while (dense.back() * kSpacing > reach) dense.push_back(dense.back() * kSpacing);
    if (b.high <= dense.back() * kSpacing) dense.push_back(b.high);
  }
  return thinned(dense, kMostEnds);
}

class Search {
 public:
  Search(const std::function<double(double)>& cost, double start, double gain)
      : cost_(cost), end_(start), least_(cost(start)), gain_(gain) {}

  void run(const std::vector<double>& ends) {
    size_t best = ends.size();
    for (size_t i = 0; i < ends.size(); ++i)
      if (attempt(ends[i]) || (ends[i] == end_ && best == ends.size())) best = i;
    if (best == ends.size()) return;
    double high = ends[best > 0 ? best - 1 : 0];
    double low = best + 1 < ends.size() ? ends[best + 1] : ends[best] * kSpacing;
    for (int round = 0; round < kFineRounds; ++round) {
      const double step = (high - low) / (kFinePoints + 1);
      for (int i = kFinePoints; i > 0; --i) attempt(low + step * i);
      high = std::min(high, end_ + step), low = std::max(low, end_ - step);
    }
  }
  double end() const { return end_; }

 private:
  bool attempt(double end) {
    const double cost = cost_(end);
    const double enough = std::isfinite(least_) ? least_ - std::max(gain_, kImprovement * std::abs(least_)) : least_;
    if (!(cost < enough)) return false;
    least_ = cost, end_ = end;
    return true;
  }

  const std::function<double(double)>& cost_;
  double end_, least_, gain_;
};

}  // namespace

QuantizationGrid grid_of(const ObservedRange& range, int bits, bool symmetric) {
  const double top = std::ldexp(1.0, bits - 1) - 1, levels = std::ldexp(1.0, bits) - 1;
  if (symmetric) return {std::max(-range.low, range.high) / top, -top, top};
  const double scale = (range.high - range.low) / levels;
  const double zero = std::clamp(std::nearbyint(-top - 1 - range.low / scale), -top - 1, top);
  return {scale, -top - 1 - zero, top - zero};
}

ObservedRange search_range(const Histogram& histogram, int bits, bool symmetric,
                           const std::function<double(const QuantizationGrid&)>& cost, double gain) {
  const std::vector<HistogramBin> bins = histogram.bins();
  const double low = histogram.low(), high = histogram.high();
  const ObservedRange all{std::min(low, 0.0), std::max(high, 0.0)};
  if (all.low == all.high) return {low, high};
  const auto cost_of = [&](const ObservedRange& range) {
    if (range.low == range.high) return std::numeric_limits<double>::infinity();
    const QuantizationGrid grid = grid_of(range, bits, symmetric);
    // A step that vanishes would stand for nothing.
    return grid.scale > std::numeric_limits<double>::min() ? cost(grid) : std::numeric_limits<double>::infinity();
  };
  // Zero is part of every grid, but not of what was observed; a clipped constant is left whole.
  const auto within_observed = [&](const ObservedRange& range) {
    const ObservedRange out{std::max(low, range.low), std::min(high, range.high)};
    return out.low <= out.high ? out : ObservedRange{low, high};
  };
  ObservedRange best = all;
  if (symmetric || all.low == 0 || all.high == 0) {
    const auto both = [&](double end) { return ObservedRange{std::max(all.low, -end), std::min(all.high, end)}; };
    const std::function<double(double)> cost_of_both = [&](double end) { return cost_of(both(end)); };
    Search search(cost_of_both, std::max(-all.low, all.high), gain);
    search.run(ends_of(magnitudes(bins, true, true)));
    return within_observed(both(search.end()));
  }
  std::vector<double> lows = ends_of(magnitudes(bins, true, false)), highs = ends_of(magnitudes(bins, false, true));
  lows.push_back(0), highs.push_back(0);
  double least = cost_of(all);
  for (const double h : thinned(highs, kPairedEnds))
    for (const double l : thinned(lows, kPairedEnds))
      if (const double cost = cost_of({-l, h}); cost < least - gain) least = cost, best = {-l, h};
  const std::function<double(double)> cost_of_low = [&](double end) { return cost_of({-end, best.high}); };
  const std::function<double(double)> cost_of_high = [&](double end) { return cost_of({best.low, end}); };
  for (int i = 0; i < kAlternations; ++i) {
    const ObservedRange before = best;
    Search of_high(cost_of_high, best.high, gain);
    of_high.run(highs);
    best.high = of_high.end();
    Search of_low(cost_of_low, -best.low, gain);
    of_low.run(lows);
    best.low = -of_low.end();
    if (before.low == best.low && before.high == best.high) break;
  }
  return within_observed(best);
}

}  // namespace quantick::quant
