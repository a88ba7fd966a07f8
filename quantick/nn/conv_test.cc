// Convolution, pooling, batch normalization and the networks made of them.
#include "quantick/nn/conv.h"

#include <gtest/gtest.h>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error_of.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/zoo/deeplob.h"
#include "quantick/nn/zoo/resnet.h"
#include "quantick/nn/zoo/tcn.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {
namespace {

Array random(const Shape& shape, uint64_t seed) {
  Array out = Array::zeros(shape);
  normal(1)->fill(out, Key(seed));
  return out;
}

TEST(Conv1D, ComputesByHand) {
  Conv1D net(1, 2);
  net.initialize();
  net(Array::zeros({1, 1, 3}));
  net.collect_params()[0].second.set_data(Array::from(std::vector<float>{1, 10}, {1, 1, 2}));
  net.collect_params()[1].second.set_data(Array::from(std::vector<float>{0.5f}));
  const Array y = net(Array::from(std::vector<float>{1, 2, 3}, {1, 1, 3}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{21.5f, 32.5f}));
}

TEST(Conv1D, CausalIsTheSameInBothLayoutsAndSeesNoLaterStep) {
  Conv1D wide(5, 3, {.dilation = {2}, .causal = true}), time(5, 3, {.dilation = {2}, .layout = "TNC", .causal = true});
  wide.initialize(normal(0.5), 1);
  time.initialize(normal(0.5), 1);
  const Array x = random({9, 2, 4}, 2);
  const Array a = transpose(wide(transpose(x, {1, 2, 0})), {2, 0, 1}), b = time(x);
  EXPECT_LT(max(abs(a - b)).item(), 1e-5);
  EXPECT_TRUE(same_bits(time(x.slice(0, 0, 6)), b.slice(0, 0, 6).copy()));
}

TEST(Conv1D, AxesBetweenBatchAndChannelsShareTheWeights) {
  Conv1D net(5, 3, {.layout = "TNC", .causal = true});
  net.initialize(normal(0.5), 1);
  const Array x = random({9, 2, 3, 4}, 2), y = net(x);
  EXPECT_EQ(y.shape(), (Shape{9, 2, 3, 5}));
  EXPECT_TRUE(same_bits(net(x.slice(2, 1, 2).copy()), y.slice(2, 1, 2).copy()));
}

TEST(Conv2D, HasGluonsShapesAndParameters) {
  Conv2D net(6, {3, 5}, {.strides = {2}, .padding = {1, 2}, .groups = 2, .activation = "relu"});
  net.initialize();
  EXPECT_EQ(net(Array::zeros({2, 4, 9, 8})).shape(), (Shape{2, 6, 5, 4}));
  EXPECT_EQ(net.collect_params()[0].first, "weight");
  EXPECT_EQ(net.collect_params()[0].second.shape(), (Shape{6, 2, 3, 5}));
  EXPECT_EQ(net.collect_params()[1].second.shape(), (Shape{6}));
  EXPECT_EQ(Conv2D(1, {1}, {.use_bias = false}).collect_params().size(), 1u);
}

TEST(Convolutions, ErrorsNameWhatIsWrong) {
  EXPECT_EQ(error_of([] { Conv2D(0, {3}); }), "[conv2d] channels, was 0, expected > 0");
  EXPECT_EQ(error_of([] { Conv2D(4, {3, 3, 3}); }), "[conv2d] kernel_size, were 3 values, expected 1 or 2");
  EXPECT_EQ(error_of([] { Conv1D(4, 3, {.layout = "TNC"}); }),
            "[conv1d] layout TNC, has causal false and strides 1, expected true and 1");
  EXPECT_EQ(error_of([] { Conv1D(4, 3, {.layout = "NWC"}); }), "[conv1d] layout, was NWC, expected NCW or TNC");
  EXPECT_NE(error_of([] { Conv1D(4, 3, {.padding = {1}, .causal = true}); }).find("[conv1d] causal, has padding 1"),
            std::string::npos);
  Sequential net(Conv2D(4, {3}, {.in_channels = 3}));
  net.initialize();
  EXPECT_EQ(error_of([&] {
              net(Array::zeros({2, 1, 8, 8}));
            }),
            "[conv2d] input channels, was 1, expected 3 (layer \"0\")");
  EXPECT_NE(error_of([&] {
              net(Array::zeros({2, 3, 8}));
            }).find("input shape, was (2, 3, 8), expected 4 axes, NCHW"),
            std::string::npos);
}

TEST(Pooling, HasGluonsDefaults) {
  const Array x = Array::arange(0, 16).reshape({1, 1, 4, 4});
  EXPECT_EQ(MaxPool2D()(x).to_vector<int>(), (std::vector<int>{5, 7, 13, 15}));
  EXPECT_EQ(AvgPool2D()(x).to_vector<float>(), (std::vector<float>{2.5f, 4.5f, 10.5f, 12.5f}));
  EXPECT_EQ(GlobalAvgPool2D()(x).shape(), (Shape{1, 1, 1, 1}));
  EXPECT_EQ(GlobalAvgPool2D()(x).item(), 7.5);
  EXPECT_EQ(MaxPool1D(3, {.strides = {1}, .padding = {1}})(Array::arange(0, 4).reshape({1, 1, 4})).to_vector<int>(),
            (std::vector<int>{1, 2, 3, 3}));
  EXPECT_EQ(AvgPool1D(2, {.padding = {1}, .count_include_pad = false})(Array::ones({1, 1, 4})).to_vector<int>(),
            (std::vector<int>{1, 1, 1}));
  EXPECT_NE(error_of([&] { MaxPool2D()(Array::zeros({1, 1, 4})); }).find("[pooling] input shape"), std::string::npos);
}

TEST(BatchNorm, MovesItsStatisticsInTrainingAlone) {
  for (const bool hybrid : {false, true}) {
    BatchNorm net;
    net.initialize();
    net.hybridize(hybrid);
    const Array x = Array::from(std::vector<float>{1, 10, 3, 30}, {2, 2});
    EXPECT_LT(max(abs(net(x) - x)).item(), 1e-3);  // mean 0 and variance 1 so far
    const auto value = [&](size_t i) { return net.collect_params()[i].second.data().to_vector<float>(); };
    EXPECT_EQ(value(2), (std::vector<float>{0, 0}));
    {
      const autograd::Record record;
      const Array y = net(x);
      EXPECT_LT(max(abs(y - Array::from(std::vector<float>{-1, -1, 1, 1}, {2, 2}))).item(), 1e-4);
    }
    EXPECT_FLOAT_EQ(value(2)[0], 0.2f);
    EXPECT_FLOAT_EQ(value(2)[1], 2);
    EXPECT_FLOAT_EQ(value(3)[0], 0.9f + 0.1f);
    EXPECT_FLOAT_EQ(value(3)[1], 0.9f + 10);
    net(x);
    EXPECT_FLOAT_EQ(value(2)[0], 0.2f);
  }
}

TEST(BatchNorm, TrainsGammaAndBetaAlone) {
  BatchNorm net, fixed({.center = false, .scale = false});
  for (BatchNorm* b : {&net, &fixed}) {
    b->initialize();
    (*b)(Array::zeros({2, 3}));
  }
  const auto wants = [](BatchNorm& b) {
    std::vector<bool> out;
    for (const auto& [name, parameter] : b.collect_params()) out.push_back(parameter.wants_grad());
    return out;
  };
  EXPECT_EQ(wants(net), (std::vector<bool>{true, true, false, false}));
  EXPECT_EQ(wants(fixed), (std::vector<bool>{false, false, false, false}));
  EXPECT_EQ(error_of([] { BatchNorm({.momentum = 2}); }), "[batch_norm] momentum, was 2, expected 0..1");
}

TEST(ResNet, BothVersionsTrainAndTrace) {
  for (const int version : {1, 2}) {
    zoo::ResNet net({.version = version, .layers = {1, 1}, .channels = {4, 4, 8}, .classes = 3});
    net.initialize(normal(0.3), 1);
    const Array x = random({2, 1, 12, 12}, 1);
    EXPECT_EQ(net(x).shape(), (Shape{2, 3}));
    Array loss;
    {
      const autograd::Record record;
      loss = sum(square(net(x)));
    }
    autograd::backward(loss);
    for (const auto& [name, parameter] : net.collect_params()) {
      const double largest = parameter.wants_grad() ? max(abs(parameter.grad())).item() : 1;
      EXPECT_GT(largest, 0) << name;
    }
    const graph::Graph graph = net.trace({x.type()});
    EXPECT_TRUE(same_bits(graph.run(Arrays{x})[0], net(x)));
  }
  EXPECT_EQ(error_of([] { zoo::ResNet({.version = 3}); }), "[resnet] version, was 3, expected 1 or 2");
  EXPECT_NE(error_of([] { zoo::ResNet({.layers = {1}}); }).find("[resnet] channels, were 4 values, expected 2"),
            std::string::npos);
}

TEST(TCN, SeesTheStepsItsDilationsReachAndNoOthers) {
  for (const char* norm : {"layer", "batch", "none"}) {
    zoo::TCN net({.channels = {8, 8}, .kernel_size = 2, .norm = norm, .outputs = 2});
    net.initialize(normal(0.5), 1);
    const Array x = random({12, 3, 4}, 1), y = net(x);
    EXPECT_EQ(y.shape(), (Shape{3, 2}));
    // Two convolutions per block with dilations 1 and 2 reach back 2 * (1 + 2) steps.
    EXPECT_TRUE(same_bits(net(x.slice(0, 5, 12)), y)) << norm;
    EXPECT_FALSE(same_bits(net(x.slice(0, 6, 12)), y)) << norm;
  }
  zoo::TCN plain(zoo::causal_cnn(3, 4));
  plain.initialize(normal(0.5), 1);
  const Array x = random({30, 2, 4}, 1), y = plain(x);
  EXPECT_TRUE(same_bits(plain(x.slice(0, 8, 30)), y)) << "three convolutions of 8 taps see 22 steps";
  EXPECT_FALSE(same_bits(plain(x.slice(0, 9, 30)), y));
  EXPECT_EQ(plain.collect_params().size(), 3u * 2 + 2) << "no convolution around a body";
  EXPECT_NE(
      error_of([] { zoo::TCN({.convolutions = 0}); }).find("[tcn] inputs, convolutions and dilation_base, were 0"),
      std::string::npos);
  EXPECT_EQ(error_of([] { zoo::TCN({.norm = "group"}); }), "[tcn] norm, was group, expected layer, batch or none");
}

TEST(DeepLOB, HasThePapersLayersAndTrains) {
  zoo::DeepLOB net;
  net.initialize(xavier(), 1);
  const Array x = random({100, 2, 40}, 1);
  EXPECT_EQ(net(x).shape(), (Shape{2, 3}));
  // Weights and biases: 1x2, 1x2, 1x10 and twice 4x1 after each; 1x1 and 3x1, 1x1 and 5x1, 1x1; LSTM; head.
  const int64_t c = 16, w = 2 * c, h = 64, twice = 2 * (4 * c * c + c);
  EXPECT_EQ(net.parameter_count(), (2 * c + c + twice) + (2 * c * c + c + twice) + (10 * c * c + c + twice) +
                                       3 * (c * w + w) + (3 * w * w + w) + (5 * w * w + w) +
                                       (4 * h * (3 * w + h) + 8 * h) + (3 * h + 3));
  const graph::Graph graph = net.trace({x.type()});
  EXPECT_TRUE(same_bits(graph.run(Arrays{x})[0], net(x)));
  zoo::DeepLOB small({.features = 8, .channels = 2, .hidden_size = 4});
  small.initialize(xavier(), 2);
  Array loss;
  {
    const autograd::Record record;
    loss = sum(square(small(random({12, 3, 8}, 3))));
  }
  autograd::backward(loss);
  for (const auto& [name, parameter] : small.collect_params()) EXPECT_GT(max(abs(parameter.grad())).item(), 0) << name;
  EXPECT_NE(error_of([] { zoo::DeepLOB({.features = 6}); }).find("[deeplob] features, was 6"), std::string::npos);
}

}  // namespace
}  // namespace quantick::nn
