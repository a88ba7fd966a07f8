#pragma once
// Axes, ticks and thinning for the charts. Coordinates run 0..1000 in both directions, y downwards.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/report/report_data.h"

namespace quantick::report {

constexpr double kCanvas = 1000;

/// A value axis with round ticks that cover the data.
struct Axis {
  double low = 0;
  double high = 1;
  bool log = false;
  std::vector<double> ticks;
  /// Position on the canvas, 0 at `high`; values outside are clamped to the edges.
  double place(double value) const;
};

/// Linear axis over [low, high] with about five steps of 1, 2, 2.5 or 5 times a power of ten. Equal ends are widened by
/// a step that suits the unit.
Axis linear_axis(double low, double high, Unit unit);

/// Logarithmic axis over positive data, ticks at 1, 2 and 5 times powers of ten.
Axis log_axis(double low, double high);

/// Smallest and largest finite value of all lines; false where there is none.
bool finite_range(const std::vector<const std::vector<double>*>& lines, double& low, double& high);

/// Indices that keep the look of a long line: the lowest and highest value of each of max_points / 2 stretches, the
/// ends, and one index for a stretch without a value, so that a gap stays a gap. Short lines keep every index.
std::vector<size_t> thin(const std::vector<double>& values, size_t max_points);

/// At most `count` indices out of `size`, evenly apart, both ends included.
std::vector<size_t> even_indices(size_t size, size_t count);

struct Tick {
  double position;  // 0..1 along the axis
  std::string label;
  bool minor;  // left out where the screen is narrow
};

/// Years, or months where there are few years, or dates where there are few months. `bands` places a label in the
/// middle of its 1/n-th (bars) instead of at its point.
std::vector<Tick> date_ticks(const std::vector<std::string>& dates, bool bands);

/// Every label where there are few, every k-th else.
std::vector<Tick> label_ticks(const std::vector<std::string>& labels, bool bands);

/// Text of a tick with as few digits as tell the ticks apart.
std::vector<std::string> tick_labels(const Axis& axis, Unit unit);

}  // namespace quantick::report
