#include "quantick/quant/corrections.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/ops.h"
#include "quantick/quant/quantizer.h"
#include "quantick/quant/report.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

Array normals(const Shape& shape, double scale, const Key& key, double shift = 0) {
  return normal_array(shape, scale, key) + shift;
}

using Node = graph::ValueId;

Node add_dense(graph::Graph& graph, Node x, int64_t in, int64_t out, const std::string& layer, bool bias = true) {
  std::vector<Node> inputs{
      x, graph.add_parameter(layer + ".weight", normals({out, in}, std::sqrt(1.0 / in), Key(1).fold(layer)))};
  if (bias) inputs.push_back(graph.add_parameter(layer + ".bias", normals({out}, 0.1, Key(2).fold(layer))));
  return graph.add_node(find_operator("dense"), {{"flatten", false}}, inputs, layer)[0];
}

Node add_relu(graph::Graph& graph, Node x, const std::string& layer) {
  return graph.add_node(find_operator("relu"), {}, {x}, layer)[0];
}

/// dense -> relu -> dense -> relu -> dense on [batch, 16].
graph::Graph mlp(bool bias = true) {
  graph::Graph graph;
  Node x = graph.add_input("x", {DType::f32, Shape{4, 16}});
  x = add_relu(graph, add_dense(graph, x, 16, 32, "fc0", bias), "act0");
  x = add_relu(graph, add_dense(graph, x, 32, 24, "fc1", bias), "act1");
  graph.set_outputs({add_dense(graph, x, 24, 3, "fc2", bias)});
  return graph;
}

Array run(const graph::Graph& graph, const Array& x) { return graph.run(std::span(&x, 1))[0]; }

double loss_of(const Array& a, const Array& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum / static_cast<double>(x.size());
}

double quantized_sqnr(const graph::Graph& graph, const graph::Graph& original, const QuantizationConfig& config,
                      const Array& data, const Array& test) {
  return sqnr_db(run(original, test), quantize_graph(graph, config, data).predict(test));
}

std::vector<Array> parameters_of(const graph::Graph& graph) {
  std::vector<Array> out;
  for (const graph::Value& v : graph.values())
    if (v.kind == graph::ValueKind::parameter) out.push_back(v.data.copy());
  return out;
}

TEST(Equalization, KeepsTheFunctionAndLiftsABadlyScaledNet) {
  graph::Graph graph = mlp();
  // Rows of the hidden layers over six orders of magnitude, taken back by the next layer's columns.
  const auto rescale = [&](int first, int second, const Key& key) {
    const Array w = graph.value(graph.nodes()[first].inputs[1]).data.copy();
    const Array b = graph.value(graph.nodes()[first].inputs[2]).data.copy();
    const Array u = graph.value(graph.nodes()[second].inputs[1]).data.copy();
    Array rows = w, bias = b, columns = u;
    for (int64_t r = 0; r < w.shape()[0]; ++r) {
      const auto factor = static_cast<float>(std::pow(10.0, 6 * key.uniform(r) - 3));
      for (int64_t c = 0; c < w.shape()[1]; ++c) rows.mutable_data<float>()[r * w.shape()[1] + c] *= factor;
      bias.mutable_data<float>()[r] *= factor;
      for (int64_t o = 0; o < u.shape()[0]; ++o) columns.mutable_data<float>()[o * u.shape()[1] + r] /= factor;
    }
    graph.set_parameter(first, 1, rows), graph.set_parameter(first, 2, bias), graph.set_parameter(second, 1, columns);
  };
  rescale(0, 2, Key(5));
  rescale(2, 4, Key(6));
  const Array data = normals({500, 16}, 1, Key(7)), test = normals({300, 16}, 1, Key(8));
  const std::vector<Array> before = parameters_of(graph);
  std::vector<CorrectionNote> notes;
  const graph::Graph equalized = equalize_layers(graph, notes);
  const std::vector<Array> after = parameters_of(graph);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_bits(before[i], after[i])) << i;
  equalized.verify();
  EXPECT_GT(sqnr_db(run(graph, test), run(equalized, test)), 110);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0].layer, "fc0");
  for (const CorrectionNote& note : notes) {
    EXPECT_GT(note.before, 1e3);
    EXPECT_LT(note.after, 10);
  }
  QuantizationConfig config;
  config.quantize_granularity = "tensor-wise";
  config.quantized_dtype = "int8";
  const double plain = quantized_sqnr(graph, graph, config, data, test);
  const double better = quantized_sqnr(equalized, graph, config, data, test);
  EXPECT_GE(better, plain + 10) << plain << " -> " << better;
}

TEST(Equalization, LeavesWhatOthersReadAndWhatIsNotLinear) {
  graph::Graph graph;
  const Node x = graph.add_input("x", {DType::f32, Shape{4, 16}});
  const Node hidden = add_dense(graph, x, 16, 8, "fc0");
  const Node bounded = graph.add_node(find_operator("tanh"), {}, {add_dense(graph, hidden, 8, 8, "fc1")}, "tanh")[0];
  const Node last = add_dense(graph, bounded, 8, 8, "fc2");
  graph.set_outputs(graph.add_node(find_operator("add"), {}, {hidden, last}, "sum"));
  std::vector<CorrectionNote> notes;
  equalize_layers(graph, notes);
  EXPECT_TRUE(notes.size() == 1 && notes[0].skipped);
}

TEST(Equalization, GoesThroughConvolutionsAndPooling) {
  graph::Graph graph;
  Node x = graph.add_input("x", {DType::f32, Shape{2, 3, 8, 8}});
  Array first = normals({6, 3, 3, 3}, 0.3, Key(1));
  for (int64_t i = 0; i < 27; ++i) first.mutable_data<float>()[i] *= 1000;
  const Node w = graph.add_parameter("conv0.weight", first),
             b = graph.add_parameter("conv0.bias", normals({6}, 1, Key(2)));
  x = add_relu(graph, graph.add_node(find_operator("convolution"), {}, {x, w, b}, "conv0")[0], "act");
  x = graph.add_node(find_operator("max_pool"), {{"kernel", std::vector<int64_t>{2, 2}}}, {x}, "pool")[0];
  const Node u = graph.add_parameter("conv1.weight", normals({4, 6, 3, 3}, 0.2, Key(3)));
  graph.set_outputs(graph.add_node(find_operator("convolution"), {}, {x, u}, "conv1"));
  std::vector<CorrectionNote> notes;
  const graph::Graph equalized = equalize_layers(graph, notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_LT(notes[0].after, notes[0].before / 10);
  const Array test = normals({5, 3, 8, 8}, 1, Key(4));
  EXPECT_GT(sqnr_db(run(graph, test), run(equalized, test)), 110);
}

TEST(ScaleMigration, MovesOutliersOfChannelsIntoTheWeights) {
  graph::Graph graph;
  const Node x = graph.add_input("x", {DType::f32, Shape{4, 16}});
  Array gamma = Array::ones({16}), beta = normals({16}, 0.2, Key(3));
  gamma.mutable_data<float>()[3] = 80, gamma.mutable_data<float>()[9] = 40;
  const Node norm =
      graph.add_node(find_operator("layer_norm"), {},
                     {x, graph.add_parameter("norm.gamma", gamma), graph.add_parameter("norm.beta", beta)}, "norm")[0];
  Array weight = normals({8, 16}, 0.25, Key(4));
  for (int64_t r = 0; r < 8; ++r)
    weight.mutable_data<float>()[r * 16 + 3] /= 80, weight.mutable_data<float>()[r * 16 + 9] /= 40;
  const Node fc = graph.add_node(find_operator("dense"), {{"flatten", false}},
                                 {norm, graph.add_parameter("fc.weight", weight)}, "fc")[0];
  const Node bounded = graph.add_node(find_operator("tanh"), {}, {fc}, "tanh")[0];
  graph.set_outputs({add_dense(graph, bounded, 8, 2, "head")});
  const Array data = normals({400, 16}, 1, Key(5)), test = normals({300, 16}, 1, Key(6));
  QuantizationConfig config;
  config.quantized_dtype = "int8";
  std::vector<CorrectionNote> notes;
  const graph::Graph migrated = migrate_scales(graph, data, config, notes);
  EXPECT_GT(sqnr_db(run(graph, test), run(migrated, test)), 100);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0].layer, "fc");
  EXPECT_GT(notes[0].before, 20);
  EXPECT_LT(notes[0].after, 10);
  EXPECT_EQ(notes[1].layer, "head");
  EXPECT_NE(notes[1].what.find("skipped: nothing takes the scales (tanh)"), std::string::npos) << notes[1].what;
  const double plain = quantized_sqnr(graph, graph, config, data, test);
  const double better = quantized_sqnr(migrated, graph, config, data, test);
  EXPECT_GE(better, plain + 6) << plain << " -> " << better;
}

/// Largest distance of a weight from the grid that lowering finds, in steps.
double off_grid(const Array& weight, int bits) {
  const QuantizedWeight q = quantize_weight(weight, bits, {}, 1, "test");
  const int64_t columns = weight.size() / q.rows();
  double most = 0;
  for (int64_t i = 0; i < weight.size(); ++i) {
    const double s = static_cast<double>(q.scales[static_cast<size_t>(i / columns)]);
    most = std::max(most, std::abs(static_cast<double>(weight.data<float>()[i]) / s - q.values.data<int8_t>()[i]));
  }
  return most;
}

TEST(LearnedRounding, BeatsNearestRoundingOnHeldOutData) {
  const graph::Graph graph = mlp();
  // Channels that move together, as features do.
  const auto data_of = [](int64_t rows, uint64_t seed) {
    const Array factors = normals({rows, 4}, 1, Key(seed)), mix = normals({4, 16}, 0.7, Key(99));
    const Array noise = normals({rows, 16}, 0.3, Key(seed).fold("noise"));
    const Arrays product = invoke(find_operator("matmul"), {}, Arrays{factors, mix});
    return invoke(find_operator("add"), {}, Arrays{product[0], noise})[0];
  };
  const Array data = data_of(1000, 10), test = data_of(500, 11);
  for (const int bits : {2, 4, 8}) {
    QuantizationConfig config;
    config.weight_bits = bits;
    std::vector<CorrectionNote> notes;
    const graph::Graph rounded = learn_rounding(graph, data, config, notes);
    ASSERT_EQ(notes.size(), 3u);
    for (const CorrectionNote& note : notes)
      EXPECT_LE(note.after, note.before * (bits <= 4 ? 0.6 : 1)) << note.layer << bits;
    for (const graph::Node& node : rounded.nodes())
      if (node.op->name == "dense") {
        EXPECT_LT(off_grid(rounded.value(node.inputs[1]).data, bits), 1e-5) << node.layer;
      }
    // The layer on held-out data: weights alone, without the rounding of activations.
    const Array weight = graph.value(graph.nodes()[0].inputs[1]).data,
                learned = rounded.value(rounded.nodes()[0].inputs[1]).data;
    const QuantizedWeight q = quantize_weight(weight, bits, {}, 1, "test");
    const Array nearest = dequantize_weight(q.values, q.scale_array(q.scales), 32);
    const auto layer = [&](const Array& w) {
      return invoke(find_operator("dense"), {{"flatten", false}}, Arrays{test, w})[0];
    };
    const double by_nearest = loss_of(layer(weight), layer(nearest)),
                 by_learned = loss_of(layer(weight), layer(learned));
    EXPECT_LT(by_learned, by_nearest * (bits <= 4 ? 0.6 : 1)) << bits;
    if (bits == 4) {
      EXPECT_GT(quantized_sqnr(rounded, graph, config, data, test),
                quantized_sqnr(graph, graph, config, data, test) + 1);
    }
  }
}

TEST(LearnedRounding, CoversConvolutionsAndEveryGranularity) {
  graph::Graph graph;
  const Node x = graph.add_input("x", {DType::f32, Shape{12, 4, 6}});
  const Node w = graph.add_parameter("conv.weight", normals({8, 6, 3}, 0.3, Key(1)));
  graph.set_outputs(graph.add_node(find_operator("causal_convolution"), {}, {x, w}, "conv"));
  const Array data = normals({12, 16, 6}, 1, Key(2), 1.5);
  for (const std::string granularity : {"tensor-wise", "channel-wise", "group-wise"}) {
    QuantizationConfig config;
    config.weight_bits = 3;
    config.quantize_granularity = granularity;
    config.group_size = 6;
    std::vector<CorrectionNote> notes;
    const graph::Graph rounded = learn_rounding(graph, data, config, notes);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_LT(notes[0].after, 0.6 * notes[0].before) << granularity;
    // What lowering rounds again is on its grid already.
    std::vector<CorrectionNote> again;
    const graph::Graph twice = learn_rounding(rounded, data, config, again);
    if (!again.empty()) {
      EXPECT_LT(again[0].before, 1e-9 * notes[0].before) << granularity;
    }
  }
}

TEST(BiasCorrection, RemovesTheMeanErrorOfLayers) {
  for (const bool bias : {true, false}) {
    const graph::Graph graph = mlp(bias);
    const Array data = normals({800, 16}, 1, Key(12), 1), test = normals({800, 16}, 1, Key(13), 1);
    QuantizationConfig config;
    config.weight_bits = 3;
    std::vector<CorrectionNote> notes;
    const graph::Graph corrected = correct_biases(graph, graph, data, config, notes);
    corrected.verify();
    ASSERT_EQ(notes.size(), 3u);
    for (const CorrectionNote& note : notes) EXPECT_LT(note.after, note.before / 10) << note.layer;
    EXPECT_GT(quantized_sqnr(corrected, graph, config, data, test),
              quantized_sqnr(graph, graph, config, data, test) + 1)
        << bias;
  }
}

TEST(BiasCorrection, RemovesTheMeanErrorOfGates) {
  for (const std::string op : {"lstm", "gru"}) {
    const int64_t gates = op == "lstm" ? 4 : 3, units = 24, features = 8;
    graph::Graph graph;
    const Node x = graph.add_input("x", {DType::f32, Shape{20, 2, features}});
    const auto parameter = [&](const std::string& name, const Shape& shape) {
      return graph.add_parameter(name, normals(shape, 0.35, Key(20).fold(name)));
    };
    const Node y =
        graph.add_node(find_operator(op), {},
                       {x, parameter("w_ih", {gates * units, features}), parameter("w_hh", {gates * units, units}),
                        parameter("b_ih", {gates * units}), parameter("b_hh", {gates * units})},
                       "rnn")[0];
    graph.set_outputs({y});
    const Array data = normals({20, 128, features}, 0.5, Key(21), 1),
                test = normals({20, 128, features}, 0.5, Key(22), 1);
    for (const int bits : {4, 8}) {
      QuantizationConfig config;
      config.weight_bits = bits;
      std::vector<CorrectionNote> notes;
      const graph::Graph corrected = correct_biases(graph, graph, data, config, notes);
      ASSERT_EQ(notes.size(), 1u);
      EXPECT_LT(notes[0].after, notes[0].before / 10)
          << op << bits << " " << notes[0].before << " -> " << notes[0].after;
      const double plain = quantized_sqnr(graph, graph, config, data, test);
      const double better = quantized_sqnr(corrected, graph, config, data, test);
      EXPECT_GT(better, plain + (bits == 4 ? 6 : 2)) << op << bits;
      RecordProperty(op + std::to_string(bits), std::to_string(plain) + " -> " + std::to_string(better));
    }
  }
}

TEST(Corrections, AreAppliedInTheirOrderAndDeterministic) {
  const graph::Graph graph = mlp();
  const Array data = normals({300, 16}, 1, Key(30), 0.5), test = normals({200, 16}, 1, Key(31), 0.5);
  QuantizationConfig config;
  config.weight_bits = 3;
  config.corrections = {"bias_correction", "learned_rounding", "scale_migration", "equalization"};
  std::vector<CorrectionNote> notes, again;
  const graph::Graph once = apply_corrections(graph, data, config, notes),
                     twice = apply_corrections(graph, data, config, again);
  std::vector<std::string> order;
  for (const CorrectionNote& note : notes)
    if (order.empty() || order.back() != note.correction) order.push_back(note.correction);
  EXPECT_EQ(order, correction_names());
  const std::vector<Array> a = parameters_of(once), b = parameters_of(twice);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same_bits(a[i], b[i]));
  config.corrections.clear();
  EXPECT_GT(quantized_sqnr(once, graph, config, data, test), quantized_sqnr(graph, graph, config, data, test) + 2);
  config.corrections = {"bias_correction"};
  EXPECT_THROW(apply_corrections(graph, {}, config, notes), ValueError);
  config.corrections = {"bias"};
  EXPECT_THROW(apply_corrections(graph, data, config, notes), ValueError);
}

}  // namespace
}  // namespace quantick::quant
