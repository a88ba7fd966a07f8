// MXNet's cases: a nearly empty weight row with a large bias. Its bias must fit the 32-bit sums, and neither this row
// nor its neighbours may lose what their weights say.
#include <gtest/gtest.h>

#include <cmath>

#include "quantick/quant/quantizer.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

constexpr int64_t kFeatures = 8, kRows = 300;

/// Three units; the weights of the second are of size `magnitude`, its bias is `bias`.
graph::Graph dense_net(double magnitude, double bias) {
  Array weight = normal_array({3, kFeatures}, 1, Key(1));
  for (int64_t i = 0; i < kFeatures; ++i) weight.mutable_data<float>()[kFeatures + i] *= static_cast<float>(magnitude);
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{4, kFeatures}});
  const auto w = graph.add_parameter("weight", weight);
  const auto b = graph.add_parameter("bias", Array::from(std::vector<float>{0.1f, static_cast<float>(bias), -0.2f}));
  graph.set_outputs(graph.add_node(find_operator("dense"), {{"flatten", false}}, {x, w, b}, "fc"));
  return graph;
}

TEST(BiasOverflow, RowsKeepTheirBiasAndWhatTheirWeightsSay) {
  const Array data = normal_array({kRows, kFeatures}, 1, Key(2));
  for (const std::string granularity : {"channel-wise", "group-wise"})
    for (const int64_t bits : {4, 8})
      for (const double magnitude : {0.0, 1e-12, 1e-6, 1e-4, 1e-3, 1e-2, 1.0})
        for (const double bias : {-1e9, 1e6, 1e3, 1.0}) {
          const graph::Graph graph = dense_net(magnitude, bias);
          QuantizationConfig config;
          config.quantize_granularity = granularity;
          config.group_size = 4;
          config.weight_bits = bits;
          const Array expected = graph.run(std::span(&data, 1))[0],
                      got = quantize_graph(graph, config, data).predict(data);
          // Steps of weights and of the input; a limited row has 2^-30 of its bias per step of the sum.
          const double step = bits == 4 ? 1.0 : 0.1;
          for (int64_t n = 0; n < kRows; ++n) {
            const auto error = [&](int64_t unit) {
              return std::abs(static_cast<double>(expected.data<float>()[3 * n + unit]) -
                              static_cast<double>(got.data<float>()[3 * n + unit]));
            };
            EXPECT_LE(error(0), 3 * step) << granularity << bits << " " << magnitude << " " << bias;
            EXPECT_LE(error(2), 3 * step) << granularity << bits << " " << magnitude << " " << bias;
            EXPECT_LE(error(1), 3 * step * magnitude + 1e-5 * std::abs(bias))
                << granularity << bits << " " << magnitude << " " << bias;
          }
        }
}

TEST(BiasOverflow, ARowOfDenormalsIsAsGoodAsEmpty) {
  const Array data = normal_array({kRows, kFeatures}, 1, Key(2));
  const Array got = quantize_graph(dense_net(1e-40, 1e3), {}, data).predict(data);
  for (int64_t n = 0; n < kRows; ++n) EXPECT_NEAR(got.data<float>()[3 * n + 1], 1e3f, 1e-2);
}

TEST(BiasOverflow, TensorWiseKeepsTheBias) {
  const Array data = normal_array({kRows, kFeatures}, 1, Key(2));
  QuantizationConfig config;
  config.quantize_granularity = "tensor-wise";
  const Array got = quantize_graph(dense_net(1e-12, 1e6), config, data).predict(data);
  for (int64_t n = 0; n < kRows; ++n) EXPECT_NEAR(got.data<float>()[3 * n + 1], 1e6f, 1);
}

TEST(BiasOverflow, GatesKeepTheirs) {
  // A forget gate held open and an output gate held shut by their biases alone.
  const int64_t units = 6;
  Array w_ih = normal_array({4 * units, kFeatures}, 0.3, Key(3)), bias = normal_array({4 * units}, 0.1, Key(4));
  const auto hold = [&](int64_t row, float value) {
    for (int64_t i = 0; i < kFeatures; ++i) w_ih.mutable_data<float>()[row * kFeatures + i] = 1e-14f;
    bias.mutable_data<float>()[row] = value;
  };
  hold(units + 2, 1000.0f);
  hold(3 * units + 4, -1e8f);
  graph::Graph graph;
  const auto x = graph.add_input("x", {DType::f32, Shape{10, 2, kFeatures}});
  const auto zeros = graph.add_parameter("b_hh", Array::zeros({4 * units}));
  const auto y = graph.add_node(
      find_operator("lstm"), {},
      {x, graph.add_parameter("w_ih", w_ih), graph.add_parameter("w_hh", normal_array({4 * units, units}, 0.3, Key(5))),
       graph.add_parameter("b_ih", bias), zeros},
      "rnn")[0];
  graph.set_outputs({y});
  const Array data = normal_array({10, 100, kFeatures}, 1, Key(6));
  const Array expected = graph.run(std::span(&data, 1))[0], got = quantize_graph(graph, {}, data).predict(data);
  EXPECT_GE(sqnr_db(expected, got), 35);
  for (int64_t i = 4; i < got.size(); i += units) EXPECT_EQ(got.data<float>()[i], 0);
}

}  // namespace
}  // namespace quantick::quant
