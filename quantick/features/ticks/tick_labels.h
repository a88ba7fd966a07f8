#pragma once
// What a tick's row is to predict: where the mid will be. For training and scoring only: labels look ahead.
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/features/ticks/tick_feature_set.h"

namespace quantick::features {

struct TickLabelOptions {
  int64_t ticks = 0;
  double seconds = 0;

  static constexpr auto fields() {
    using O = TickLabelOptions;
    return std::make_tuple(field("ticks", &O::ticks, "horizon as a number of ticks; 0: `seconds` counts"),
                           field("seconds", &O::seconds, "horizon as a time; 0: `ticks` counts"));
  }
};

struct TickLabels {
  std::vector<int64_t> rows;  ///< positions of the points that have a label, ascending
  std::vector<float> values;  ///< by row: mid at the horizon / mid now - 1
  int64_t dropped = 0;        ///< ticks with a mid of 0, or whose horizon lies behind the last event of their session
};

/// Labels of the ticks among `points`. After `seconds`, the mid at the horizon is that of the last tick up to there. A
/// label reaches neither over a session's end nor to another instrument. Throws ValueError unless exactly one of the
/// horizons is above zero.
TickLabels forward_mid_returns(std::span<const TickPoint> points, const TickLabelOptions& options);

}  // namespace quantick::features
