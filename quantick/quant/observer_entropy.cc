// Threshold by the Kullback-Leibler divergence between what was observed, clipped, and its quantized form (Migacz 2017,
// "8-bit inference with TensorRT"; MXNet's calib_mode entropy). Both count equal bins over the largest magnitude, where
// one outlier puts all else into one bin; here the bins are the histogram's own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/quant/observer_search.h"

namespace quantick::quant {
namespace {

/// Values spread evenly over [low, high], high - low > 0.
struct Mass {
  double low, high, count;
};

// Bins narrower than this share of the typical magnitude hold too few values to tell a density, and are joined.
constexpr double kResolution = 1.0 / 1024;
constexpr double kTypical = 0.9;
// Count of values that the quantized form is taken to have where it has none but the clipped one has.
constexpr double kSmoothing = 1e-4;
// Nats. Less says nothing about a sample, and may be rounding.
constexpr double kGain = 1e-6;

/// The observed density. Exact zeros are left out: they lie on every grid. Bins near zero are joined into equal ones.
std::vector<Mass> masses_of(const Histogram& histogram) {
  std::vector<HistogramBin> bins = histogram.bins();
  std::erase_if(bins, [](const HistogramBin& b) { return b.low == 0 && b.high < std::numeric_limits<float>::min(); });
  if (bins.empty()) return {};
  std::vector<std::pair<double, int64_t>> by_magnitude;
  int64_t total = 0, below = 0;
  for (const HistogramBin& b : bins) {
    by_magnitude.push_back({std::max(-b.low, b.high), b.count});
    total += b.count;
  }
  std::sort(by_magnitude.begin(), by_magnitude.end());
  double typical = 0;
  for (const auto& [magnitude, count] : by_magnitude) {
    typical = magnitude;
    if (static_cast<double>(below += count) >= kTypical * static_cast<double>(total)) break;
  }
  const double width = typical * kResolution;
  std::vector<Mass> out;
  for (const HistogramBin& b : bins) {
    const auto count = static_cast<double>(b.count);
    const double low = std::floor(b.low / width) * width;
    if (b.high - b.low >= width)
      out.push_back({b.low, b.high, count});
    else if (!out.empty() && out.back().low == low)
      out.back().count += count, out.back().high = std::max(out.back().high, low + width);
    else
      out.push_back({low, low + width, count});
  }
  return out;
}

/// What lies in one cell. Its quantized form spreads the cell's count evenly over the places that had values.
class Cell {
 public:
  void add(double count, double width) {
    if (count <= 0 || width <= 0) return;
    if (count_ == 0) first_count_ = count, first_width_ = width;
    last_count_ = count, last_width_ = width;
    count_ += count, width_ += width;
    terms_ += count * std::log(count / width);
  }
  /// Sum of p * log(p / q) over the cell.
  double divergence() const { return count_ > 0 ? terms_ - count_ * std::log(count_ / width_) : 0; }
  /// What clipped values add that count as the cell's outermost ones.
  double clipped(double count, bool at_first) const {
    if (count <= 0) return 0;
    if (count_ == 0) return count * std::log(count / kSmoothing);
    const double p = at_first ? first_count_ : last_count_;
    const double q = count_ * (at_first ? first_width_ : last_width_) / width_;
    return (p + count) * std::log((p + count) / q) - p * std::log(p / q);
  }
  double count() const { return count_; }

 private:
  double count_ = 0, width_ = 0, terms_ = 0;
  double first_count_ = 0, first_width_ = 0, last_count_ = 0, last_width_ = 0;
};

double divergence(const std::vector<Mass>& masses, const QuantizationGrid& g) {
  const double low = (g.first - 0.5) * g.scale, high = (g.last + 0.5) * g.scale;
  double total = 0, inside = 0, below = 0, above = 0, sum = 0;
  Cell cell, first, last;
  double at = std::numeric_limits<double>::quiet_NaN();  // cell that is being filled
  const auto close = [&] {
    sum += cell.divergence();
    if (at == g.first) first = cell;
    if (at == g.last) last = cell;
    cell = Cell();
  };
  for (const Mass& m : masses) {
    total += m.count;
    const double width = m.high - m.low, density = m.count / width;
    const double a = std::max(m.low, low), b = std::min(m.high, high);
    if (m.low < low) below += density * (std::min(m.high, low) - m.low);
    if (m.high > high) above += density * (m.high - std::max(m.low, high));
    if (b <= a) continue;
    inside += density * (b - a);
    const auto cell_of = [&](double x) { return std::clamp(std::floor(x / g.scale + 0.5), g.first, g.last); };
    const double from = cell_of(a), to = cell_of(b);
    if (from != at) close();
    at = from;
    if (from == to) {
      cell.add(density * (b - a), b - a);
      continue;
    }
    // Cells between the two ends are filled evenly, and their quantized form is what was observed.
    const double edge = (from + 0.5) * g.scale, next = (to - 0.5) * g.scale;
    cell.add(density * (edge - a), edge - a);
    close();
    at = to;
    cell.add(density * (b - next), b - next);
  }
  close();
  if (inside <= 0) return std::numeric_limits<double>::infinity();
  sum += first.clipped(below, true) + last.clipped(above, false);
  return sum / total + std::log(inside / total);
}

class EntropyObserver : public Observer {
 public:
  using Observer::Observer;
  ObservedRange range_for(int bits, bool symmetric) const override {
    const std::vector<Mass> masses = masses_of(histogram());
    return search_range(
        histogram(), bits, symmetric, [&](const QuantizationGrid& grid) { return divergence(masses, grid); }, kGain);
  }
};

}  // namespace

std::unique_ptr<Observer> make_entropy_observer(const ObserverOptions& options) {
  return std::make_unique<EntropyObserver>(options);
}

}  // namespace quantick::quant
