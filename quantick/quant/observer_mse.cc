#include <algorithm>
#include <cmath>

#include "quantick/quant/observer_search.h"

namespace quantick::quant {
namespace {

/// Mean of (x - Q(x))^2 over a bin whose values are spread evenly. Its integral up to x = k * scale + r, k the cell of
/// x, is k * scale^3 / 12 + r^3 / 3, clipped values included.
double mean_squared_error(const HistogramBin& bin, const QuantizationGrid& g) {
  const auto cell = [&](double x) { return std::clamp(std::nearbyint(x / g.scale), g.first, g.last); };
  const double k = cell(bin.low), n = cell(bin.high);
  const double r = bin.low - k * g.scale, t = bin.high - n * g.scale;
  if (k == n) return (r * r + r * t + t * t) / 3;
  return ((n - k) * g.scale * g.scale * g.scale / 12 + (t * t * t - r * r * r) / 3) / (bin.high - bin.low);
}

/// The range of least expected squared error. A single value of 1e12 outweighs everything else and stays inside.
class MseObserver : public Observer {
 public:
  using Observer::Observer;
  ObservedRange range_for(int bits, bool symmetric) const override {
    const std::vector<HistogramBin> bins = histogram().bins();
    return search_range(histogram(), bits, symmetric, [&](const QuantizationGrid& grid) {
      double sum = 0;
      for (const HistogramBin& b : bins) sum += static_cast<double>(b.count) * mean_squared_error(b, grid);
      return sum;
    });
  }
};

}  // namespace

std::unique_ptr<Observer> make_mse_observer(const ObserverOptions& options) {
  return std::make_unique<MseObserver>(options);
}

}  // namespace quantick::quant
