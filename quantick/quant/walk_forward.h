#pragma once
// Calibration in time order: ranges that are used at a time come from data before it, so that a backtest of a quantized
// model sees no future through its scales.
#include <cstdint>
#include <span>
#include <vector>

#include "quantick/quant/calibration.h"

namespace quantick::quant {

/// Rows of data in time order. Ranges of rows [first, last) are for rows [valid_from, valid_to).
struct WalkForwardWindow {
  int64_t first = 0, last = 0;
  int64_t valid_from = 0, valid_to = 0;
  friend bool operator==(const WalkForwardWindow&, const WalkForwardWindow&) = default;
};

/// `times`: that of each row, ascending; rows of one time (the instruments of a day) stay together. Lengths count
/// distinct times: `window` of them are calibrated on (0: all from the start, and `step` of them at first), `embargo`
/// of them are left out, the next `step` of them are valid. Rows before the first valid_from have no ranges. Throws
/// ValueError for times that fall, lengths below 0, and a step of 0.
std::vector<WalkForwardWindow> walk_forward_windows(std::span<const int64_t> times, int64_t window, int64_t step,
                                                    int64_t embargo = 0);

/// The same where every row has a time of its own.
std::vector<WalkForwardWindow> walk_forward_windows(int64_t rows, int64_t window, int64_t step, int64_t embargo = 0);

/// One calibration per window. `data` is the model's input with rows along its batch axis. Throws ShapeError where a
/// window leaves the data.
std::vector<Calibration> calibrate_walk_forward(const graph::Graph& graph, const Array& data,
                                                std::span<const WalkForwardWindow> windows,
                                                const QuantizationConfig& config);

}  // namespace quantick::quant
