#pragma once
// What observers share that weigh the clipping of a range against the width of its steps: the grid that a range gives,
// and the search for the range of least cost.
#include <functional>

#include "quantick/quant/observer.h"

namespace quantick::quant {

/// The values that integers can stand for: k * scale for k = first..last, 0 among them. Cell k is what rounds to it.
struct QuantizationGrid {
  double scale = 0, first = 0, last = 0;
};

/// The grid of a range with low <= 0 <= high and low < high, as choose_format makes it, but with an exact scale.
QuantizationGrid grid_of(const ObservedRange& range, int bits, bool symmetric);

/// The range within what was observed whose grid costs least. Ends are tried at the edges of bins, closely where the
/// values are dense, then finely around the best; a narrower range must cost less by more than `gain`. Costs may be
/// infinite.
ObservedRange search_range(const Histogram& histogram, int bits, bool symmetric,
                           const std::function<double(const QuantizationGrid&)>& cost, double gain = 0);

}  // namespace quantick::quant
