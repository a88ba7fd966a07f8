#include "quantick/quant/walk_forward.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/quant/lowering.h"
#include "quantick/runtime/program.h"

namespace quantick::quant {
namespace {

using Windows = std::vector<WalkForwardWindow>;

TEST(WalkForward, WindowsEndBeforeTheyAreValid) {
  EXPECT_EQ(walk_forward_windows(10, 4, 3), (Windows{{0, 4, 4, 7}, {3, 7, 7, 10}}));
  EXPECT_EQ(walk_forward_windows(10, 4, 3, 2), (Windows{{0, 4, 6, 9}, {3, 7, 9, 10}}));
  EXPECT_EQ(walk_forward_windows(10, 0, 4), (Windows{{0, 4, 4, 8}, {0, 8, 8, 10}}));
  EXPECT_TRUE(walk_forward_windows(4, 4, 1).empty());
  EXPECT_TRUE(walk_forward_windows(0, 4, 1).empty());
  EXPECT_THROW(walk_forward_windows(10, 4, 0), ValueError);
  EXPECT_THROW(walk_forward_windows(10, -1, 1), ValueError);
  EXPECT_THROW(walk_forward_windows(10, 1, 1, -1), ValueError);
}

TEST(WalkForward, RowsOfOneTimeStayTogether) {
  const std::vector<int64_t> days{5, 5, 6, 8, 8, 8, 9, 12, 12};
  EXPECT_EQ(walk_forward_windows(days, 2, 1), (Windows{{0, 3, 3, 6}, {2, 6, 6, 7}, {3, 7, 7, 9}}));
  EXPECT_EQ(walk_forward_windows(days, 2, 2, 1), (Windows{{0, 3, 6, 9}}));
  EXPECT_THROW(walk_forward_windows(std::vector<int64_t>{2, 1}, 1, 1), ValueError);
}

/// Recurrent layer, newest step, head on [3, rows, 4].
graph::Graph net() {
  const auto random = [](const Shape& shape, uint64_t seed) {
    std::vector<float> v(static_cast<size_t>(shape.size()));
    for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(0.4 * Key(seed).normal(i));
    return Array::from(v, shape);
  };
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{3, 2, 4}});
  const auto parameter = [&](const std::string& name, const Shape& shape, uint64_t seed) {
    return graph.add_parameter(name, random(shape, seed));
  };
  const auto y = graph.add_node(find_operator("lstm"), {},
                                {x, parameter("w_ih", {20, 4}, 1), parameter("w_hh", {20, 5}, 2),
                                 parameter("b_ih", {20}, 3), parameter("b_hh", {20}, 4)},
                                "rnn")[0];
  const auto last = graph.add_node(find_operator("sequence_last"), {}, {y}, "last")[0];
  graph.set_outputs(
      graph.add_node(find_operator("dense"), {{"flatten", false}}, {last, parameter("weight", {2, 5}, 5)}, "fc"));
  return graph;
}

TEST(WalkForward, LaterDataDoesNotChangeEarlierRanges) {
  const graph::Graph graph = net();
  const int64_t rows = 60;
  Array data = Array::empty(Shape{3, rows, 4});
  for (int64_t i = 0; i < data.size(); ++i) data.mutable_data<float>()[i] = static_cast<float>(Key(9).normal(i));
  const Windows windows = walk_forward_windows(rows, 20, 10, 2);
  ASSERT_EQ(windows.size(), 4u);
  for (const std::string mode : {"naive", "moving_average", "percentile", "entropy", "mse"}) {
    QuantizationConfig config;
    config.calib_mode = mode;
    const std::vector<Calibration> before = calibrate_walk_forward(graph, data, windows, config);
    for (size_t w = 0; w < windows.size(); ++w) {
      // Everything that the window must not know becomes enormous.
      Array changed = data.copy();
      for (int64_t t = 0; t < 3; ++t)
        for (int64_t r = windows[w].last; r < rows; ++r)
          for (int64_t f = 0; f < 4; ++f) changed.mutable_data<float>()[(t * rows + r) * 4 + f] = 1e6f;
      const std::vector<Calibration> after = calibrate_walk_forward(graph, changed, windows, config);
      for (size_t k = 0; k <= w; ++k)
        EXPECT_TRUE(lower(graph, before[k], config).program == lower(graph, after[k], config).program) << mode << k;
      if (w + 1 < windows.size()) {
        EXPECT_FALSE(lower(graph, before[w + 1], config).program == lower(graph, after[w + 1], config).program) << mode;
      }
    }
  }
  EXPECT_THROW(calibrate_walk_forward(graph, data, Windows{{50, 70, 70, 80}}, {}), ShapeError);
}

}  // namespace
}  // namespace quantick::quant
