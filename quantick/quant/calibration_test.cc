#include "quantick/quant/calibration.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"

namespace quantick::quant {
namespace {

TEST(ChooseFormat, FollowsTheContract) {
  // Values of affine_params and symmetric_scale of the executable contract.
  const TensorFormat a = choose_format({-1, 3});
  EXPECT_EQ(a.scale, static_cast<float>(4.0 / 255));
  EXPECT_EQ(a.zero_point, -64);
  EXPECT_EQ(choose_format({1, 3}), (TensorFormat{DType::i8, static_cast<float>(3.0 / 255), -128}));
  EXPECT_EQ(choose_format({-3, -1}), (TensorFormat{DType::i8, static_cast<float>(3.0 / 255), 127}));
  EXPECT_EQ(choose_format({-1, 3}, {.bits = 16}), (TensorFormat{DType::i16, static_cast<float>(3.0 / 32767), 0}));
  EXPECT_EQ(choose_format({0, 0}), (TensorFormat{DType::i8, 1.0f, 0}));
  const TensorFormat six = choose_format({-1, 3}, {.bits = 6});
  EXPECT_EQ(six.narrow_bits, 6);
  EXPECT_EQ(six.scale, static_cast<float>(4.0 / 63));
  EXPECT_EQ(six.zero_point, -16);
  EXPECT_EQ(choose_format({-1, 3}, {.symmetric = true}), (TensorFormat{DType::i8, static_cast<float>(3.0 / 127), 0}));
  EXPECT_EQ(choose_format({-1, 3}, {.bits = 12}).scale, static_cast<float>(3.0 / 2047));
  EXPECT_EQ(choose_format({-1, 3}, {.power_of_two = true}).scale, 0x1p-5f);
  EXPECT_EQ(choose_format({-127, 127}, {.symmetric = true, .power_of_two = true}).scale, 1.0f);
  EXPECT_THROW(choose_format({0, 1e-35}), ValueError);
  EXPECT_THROW(choose_format({-1e38, 1e38}), ValueError);
}

graph::Graph relu_graph() {
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{2, 3, 2}});
  graph.set_outputs(graph.add_node(find_operator("relu"), {}, {x}, "act"));
  return graph;
}

TEST(Calibrate, ObservesWhatIsThereAndCountsWhatIsNot) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Array x = Array::from(std::vector<float>{-4, 1, 2, nan, 3, 5, -1, nan, 0, 2, 1, 1}, Shape{2, 3, 2});
  const graph::Graph graph = relu_graph();
  const Calibration c = calibrate(graph, x, {});
  EXPECT_EQ(c.missing(), 2);
  EXPECT_EQ(c.rows(), 3);
  EXPECT_EQ(c.at(graph.inputs()[0]).range().low, -4);
  EXPECT_EQ(c.at(graph.inputs()[0]).histogram().observed(), 10);
  EXPECT_EQ(c.at(graph.outputs()[0]).range().low, 0);
  EXPECT_EQ(c.at(graph.outputs()[0]).range().high, 5);
  EXPECT_THROW(c.at(99), IndexError);
}

/// The text of the error, which must be an E.
template <class E>
std::string refusal(const graph::Graph& graph, const CalibrationData& data) {
  try {
    calibrate(graph, data, {});
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(Calibrate, SaysWhichDataDidNotFit) {
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{4, 2}});
  const auto w = graph.add_parameter("w", Array::full({3, 2}, 1.0));
  graph.set_outputs(graph.add_node(find_operator("dense"), {}, {x, w}, "fc"));
  const std::string width = refusal<ShapeError>(graph, std::vector<Array>{Array::zeros({4, 2}), Array::zeros({4, 5})});
  EXPECT_NE(width.find("batch 1 of the calibration data, was (4, 5), batch 0 (4, 2)"), std::string::npos) << width;
  const std::string empty = refusal<ValueError>(relu_graph(), Array::zeros({2, 0, 2}));
  EXPECT_NE(empty.find("the data are empty: 1 batches, the first of shape (2, 0, 2)"), std::string::npos) << empty;
}

TEST(Calibrate, HandsTensorsOutAndTakesRangesForThem) {
  const Array x = Array::from(std::vector<float>{-4, 1, 2, 7, 3, 5, -1, 0, 0, 2, 1, 1}, Shape{2, 3, 2});
  const graph::Graph graph = relu_graph();
  CalibrationData data(std::vector<Array>{x, x});
  std::vector<std::string> seen;
  data.on_tensor = [&](const std::string& tensor, const std::string& op, const Array& values) {
    seen.push_back(tensor + " " + op + " " + values.shape().text());
  };
  data.ranges = [] { return std::map<std::string, ObservedRange>{{"act.output", {0, 2}}}; };
  const Calibration c = calibrate(graph, data, {});
  const std::vector<std::string> once{"input  (2, 3, 2)", "act.output relu (2, 3, 2)"};
  EXPECT_EQ(seen, (std::vector<std::string>{once[0], once[1], once[0], once[1]}));
  ASSERT_NE(c.given("act.output"), nullptr);
  EXPECT_EQ(c.given("act.output")->high, 2);
  EXPECT_EQ(c.given("input"), nullptr);
  data.ranges = [] { return std::map<std::string, ObservedRange>{{"act.outputs", {0, 2}}}; };
  EXPECT_NE(refusal<ValueError>(graph, data).find("did you mean \"act.output\"?"), std::string::npos);
  data.ranges = [] { return std::map<std::string, ObservedRange>{{"input", {2, 0}}}; };
  EXPECT_NE(refusal<ValueError>(graph, data).find("range of \"input\", was [2, 0]"), std::string::npos);
}

TEST(Calibrate, NamesTheTensorsThatLackedValues) {
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{3, 2}});
  const auto logs = graph.add_node(find_operator("log"), {}, {x}, "log")[0];
  graph.set_outputs(graph.add_node(find_operator("relu"), {}, {x}, "act"));
  const Array data = Array::from(std::vector<float>{1, 2, 0, -1, 3, 4}, Shape{3, 2});
  const std::vector<SkippedCells> skipped = calibrate(graph, data, {}).skipped();
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_EQ(skipped[0].value, logs);
  EXPECT_EQ(skipped[0].observed, 4);
  EXPECT_EQ(skipped[0].missing, 2);
}

TEST(Calibrate, BatchesAddUp) {
  const Array a = Array::full(Shape{2, 3, 2}, 2.0), b = Array::full(Shape{2, 5, 2}, -3.0);
  const graph::Graph graph = relu_graph();
  const Calibration c = calibrate(graph, std::vector<Array>{a, b}, {});
  EXPECT_EQ(c.rows(), 8);
  EXPECT_EQ(c.at(graph.inputs()[0]).range().low, -3);
  EXPECT_EQ(c.at(graph.inputs()[0]).range().high, 2);
}

TEST(Calibrate, RefusesNothingAndAllMissing) {
  EXPECT_THROW(calibrate(relu_graph(), CalibrationData(), {}), ValueError);
  const Array missing = Array::full(Shape{2, 3, 2}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(calibrate(relu_graph(), missing, {}), ValueError);
  EXPECT_THROW(calibrate(relu_graph(), Array::zeros(Shape{2, 3, 2}, DType::f64), {}), TypeError);
}

}  // namespace
}  // namespace quantick::quant
