#pragma once
// Charts as HTML text: a stretched SVG for the marks and ordinary HTML for every word, so that text keeps its size on a
// phone and the chart needs no script. A short JSON block beside each line chart feeds the optional hover read-out.
#include <string>
#include <string_view>
#include <vector>

#include "quantick/report/report_data.h"

namespace quantick::report {

enum class Mark { kLine, kArea, kBar };

struct ChartOptions {
  std::string title;
  std::string note;  // convention, under the title
  Unit unit = Unit::kRatio;
  Mark mark = Mark::kLine;
  bool log_if_wide = false;  // logarithmic axis where all values are positive and span more than a factor of 5
  bool include_zero = false;
  int height = 240;  // CSS pixels
};

/// Lines, areas or grouped bars over the dates of the panel. Empty where the panel holds no finite value.
std::string date_chart(const Panel& panel, const ChartOptions& options);

/// The same over names (epochs, horizons, quantiles) with whiskers from low to high where they are known. kLine draws
/// dots joined by a line.
std::string category_chart(const std::vector<std::string>& names, const std::vector<EstimateLine>& lines,
                           const ChartOptions& options);

/// Histogram of a calibrated tensor on a log count scale, with the chosen range shaded.
std::string histogram(const CalibrationTensor& tensor);

/// A table cell coloured from orange (below zero) over none to blue (above); `scale` gets the deepest colour. The text
/// is in percent with one digit, without the sign, which the table's caption carries.
std::string heat_cell(double value, double scale);

/// A small bar from low to high with its centre and the place of zero, as a picture beside the numbers.
std::string interval_mark(double value, double low, double high);

/// CSS class of a line's colour: "c-int8"; lines of other roles take theirs from a scale by their place among them.
std::string colour_class(Role role, size_t place, size_t count);

}  // namespace quantick::report
