#include "quantick/quant/walk_forward.h"

#include <algorithm>
#include <numeric>

#include "quantick/core/error.h"
#include "quantick/quant/node_plan.h"

namespace quantick::quant {

std::vector<WalkForwardWindow> walk_forward_windows(std::span<const int64_t> times, int64_t window, int64_t step,
                                                    int64_t embargo) {
  QTK_CHECK(window >= 0 && embargo >= 0, ValueError, "[walk forward] window and embargo, were {} and {}, expected >= 0",
            window, embargo);
  QTK_CHECK(step > 0, ValueError, "[walk forward] step, was {}, expected at least 1", step);
  std::vector<int64_t> starts;  // first row of each distinct time, and the end
  for (size_t i = 0; i < times.size(); ++i) {
    QTK_CHECK(i == 0 || times[i - 1] <= times[i], ValueError,
              "[walk forward] time of row {}, was {} after {}, expected ascending times", i, times[i],
              times[i > 0 ? i - 1 : 0]);
    if (i == 0 || times[i - 1] != times[i]) starts.push_back(static_cast<int64_t>(i));
  }
  const auto count = static_cast<int64_t>(starts.size());
  starts.push_back(static_cast<int64_t>(times.size()));
  std::vector<WalkForwardWindow> out;
  for (int64_t end = window > 0 ? window : step; end + embargo < count; end += step) {
    const int64_t from = end + embargo;
    out.push_back({.first = starts[static_cast<size_t>(window > 0 ? end - window : 0)],
                   .last = starts[static_cast<size_t>(end)],
                   .valid_from = starts[static_cast<size_t>(from)],
                   .valid_to = starts[static_cast<size_t>(std::min(from + step, count))]});
  }
  return out;
}

std::vector<WalkForwardWindow> walk_forward_windows(int64_t rows, int64_t window, int64_t step, int64_t embargo) {
  std::vector<int64_t> times(static_cast<size_t>(std::max<int64_t>(rows, 0)));
  std::iota(times.begin(), times.end(), int64_t{0});
  return walk_forward_windows(times, window, step, embargo);
}

std::vector<Calibration> calibrate_walk_forward(const graph::Graph& graph, const Array& data,
                                                std::span<const WalkForwardWindow> windows,
                                                const QuantizationConfig& config) {
  const int axis = plan_nodes(graph, config).sequence[static_cast<size_t>(graph.inputs().at(0))] ? 1 : 0;
  std::vector<Calibration> out;
  for (const WalkForwardWindow& w : windows) {
    QTK_CHECK(w.first >= 0 && w.first < w.last && w.last <= data.shape()[axis], ShapeError,
              "[walk forward] window, was rows {} to {}, expected within {} rows", w.first, w.last, data.shape()[axis]);
    out.push_back(calibrate(graph, data.slice(axis, w.first, w.last).contiguous(), config));
  }
  return out;
}

}  // namespace quantick::quant
