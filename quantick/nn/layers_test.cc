// Each layer against hand computation, its gradients against finite differences in float64.
#include <gtest/gtest.h>

#include <cmath>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error_of.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"
#include "quantick/ops/random.h"

namespace quantick::nn {
namespace {

Array random(const Shape& shape, uint64_t seed, DType dtype = DType::f64) {
  Array out = Array::zeros(shape, dtype);
  normal(0.5)->fill(out, Key(seed));
  return out;
}

/// Largest relative deviation of the gradient by input and parameters from finite differences.
double gradient_error(Block& net, const Array& x) {
  net.cast(DType::f64);
  net(x);
  std::vector<Parameter> parameters;
  Arrays variables = {x};
  for (const auto& [name, parameter] : net.collect_params()) {
    parameters.push_back(parameter);
    variables.push_back(parameter.data().copy());
  }
  // The net's own arrays take the values; the function must depend on them through operator calls, so they are swapped
  // in by finite differences on the net itself.
  double worst = 0;
  const auto value = [&](const Array& input) {
    const autograd::Pause pause;
    return sum(square(net(input))).item();
  };
  Arrays leaves;
  for (const auto& parameter : parameters) leaves.push_back(parameter.data());
  Array input = x.copy();
  input.attach_grad();
  leaves.push_back(input);
  Array loss;
  {
    const autograd::Record record(/*train_mode=*/false);
    loss = sum(square(net(input)));
  }
  const Arrays gradients = autograd::gradients(loss, leaves);
  for (size_t i = 0; i < leaves.size(); ++i) {
    double* const p = leaves[i].mutable_data<double>();
    for (int64_t k = 0; k < leaves[i].size(); ++k) {
      const double kept = p[k], step = 1e-5;
      p[k] = kept + step;
      const double above = value(input);
      p[k] = kept - step;
      const double below = value(input);
      p[k] = kept;
      const double exact = gradients[i].data<double>()[k];
      worst = std::max(worst, std::abs((above - below) / (2 * step) - exact) / std::max(1.0, std::abs(exact)));
    }
  }
  return worst;
}

TEST(Dense, ComputesByHand) {
  Dense net(2, {.activation = "relu"});
  net.initialize();
  net(Array::zeros({1, 3}));
  auto parameters = net.collect_params();
  parameters[0].second.set_data(Array::from(std::vector<float>{1, 2, 3, -1, 0, 1}, {2, 3}));
  parameters[1].second.set_data(Array::from(std::vector<float>{0.5f, -10}));
  const Array y = net(Array::from(std::vector<float>{1, 1, 2}, {1, 3}));
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{9.5f, 0}));
}

TEST(Dense, HasGluonsDefaults) {
  Dense net(4);
  net.initialize();
  EXPECT_EQ(net(Array::zeros({2, 3, 5})).shape(), (Shape{2, 4}));  // flatten
  const auto parameters = net.collect_params();
  EXPECT_EQ(parameters[0].second.shape(), (Shape{4, 15}));
  EXPECT_EQ(sum(abs(parameters[1].second.data())).item(), 0);  // zero bias
  EXPECT_LE(max(abs(parameters[0].second.data())).item(), 0.07f);
  Dense unflattened(4, {.flatten = false});
  unflattened.initialize();
  EXPECT_EQ(unflattened(Array::zeros({2, 3, 5})).shape(), (Shape{2, 3, 4}));
}

TEST(Dense, ErrorsNameLayerAndSizes) {
  Sequential net(Dense(4), Dense(2, {.in_units = 7}));
  net.initialize();
  EXPECT_EQ(error_of<ShapeError>([&] {
              net(Array::zeros({2, 3}));
            }),
            "[dense] input columns, was 4, expected 7 (layer \"1\")");
  EXPECT_EQ(error_of<ValueError>([] { Dense(0); }), "[dense] units, was 0, expected > 0");
  EXPECT_NE(error_of<ValueError>([] { Dense(1, {.activation = "rellu"}); }).find("did you mean relu?"),
            std::string::npos);
  EXPECT_NE(error_of<ValueError>([&] {
              net(Arrays{Array::zeros({2, 3}), Array::zeros({2, 3})});
            }).find("inputs, was 2, expected 1"),
            std::string::npos);
}

TEST(Dense, GradientIsThatOfFiniteDifferences) {
  for (const char* activation : {"", "sigmoid", "tanh", "softrelu", "softsign"}) {
    Dense net(3, {.activation = activation});
    net.cast(DType::f64);
    net.initialize(normal(0.5), 3);
    EXPECT_LT(gradient_error(net, random({4, 5}, 1)), 1e-6) << activation;
  }
}

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

/// One layer by the formulas, in double, with Gluon's gate order; `order` may swap gates to show that tests would see
/// it.
std::vector<double> reference_lstm(const std::vector<Array>& p, const Array& x, std::vector<double> h,
                                   std::vector<double> c, const std::array<int, 4>& order = {0, 1, 2, 3}) {
  const int64_t steps = x.shape()[0], batch = x.shape()[1], width = x.shape()[2], hidden = p[1].shape()[1];
  const auto wx = p[0].to_vector<double>(), wh = p[1].to_vector<double>();
  const auto bx = p[2].to_vector<double>(), bh = p[3].to_vector<double>(), in = x.to_vector<double>();
  std::vector<double> out;
  for (int64_t t = 0; t < steps; ++t) {
    const std::vector<double> before = h;
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t u = 0; u < hidden; ++u) {
        double gate[4];
        for (int g = 0; g < 4; ++g) {
          const int64_t row = order[static_cast<size_t>(g)] * hidden + u;
          gate[g] = bx[row] + bh[row];
          for (int64_t k = 0; k < width; ++k) gate[g] += wx[row * width + k] * in[(t * batch + n) * width + k];
          for (int64_t k = 0; k < hidden; ++k) gate[g] += wh[row * hidden + k] * before[n * hidden + k];
        }
        const int64_t at = n * hidden + u;
        c[at] = sigmoid_of(gate[1]) * c[at] + sigmoid_of(gate[0]) * std::tanh(gate[2]);
        h[at] = sigmoid_of(gate[3]) * std::tanh(c[at]);
      }
    }
    out.insert(out.end(), h.begin(), h.end());
  }
  return out;
}

double deviation(const Array& a, const std::vector<double>& b) {
  const auto values = a.to_vector<double>();
  double worst = values.size() == b.size() ? 0 : 1e9;
  for (size_t i = 0; i < b.size() && i < values.size(); ++i) worst = std::max(worst, std::abs(values[i] - b[i]));
  return worst;
}

Arrays lstm_parameters(const LSTM& net) {
  Arrays out;
  for (const auto& [name, parameter] : net.collect_params()) out.push_back(parameter.data());
  return out;
}

TEST(LSTM, ComputesTheFormulasAndSeesSwappedGates) {
  LSTM net(3, {.i2h_bias_initializer = normal(0.5), .h2h_bias_initializer = normal(0.5)});
  net.initialize(normal(0.7), 4);
  const Array x = random({5, 2, 4}, 1, DType::f32);
  const Array y = net(x);
  EXPECT_EQ(y.shape(), (Shape{5, 2, 3}));
  const Arrays p = lstm_parameters(net);
  const std::vector<double> zeros(6, 0.0);
  EXPECT_LT(deviation(y, reference_lstm(p, x, zeros, zeros)), 2e-6);
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < a; ++b) {
      std::array<int, 4> order = {0, 1, 2, 3};
      std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
      EXPECT_GT(deviation(y, reference_lstm(p, x, zeros, zeros, order)), 1e-3) << a << " and " << b;
    }
  }
}

TEST(LSTM, TakesAndGivesStatesAsGluonDoes) {
  LSTM net(3, {.num_layers = 2});
  net.initialize(normal(0.7), 4);
  const Array x = random({6, 2, 4}, 1, DType::f32);
  const Array whole = net(x);
  const Arrays begin = net.begin_state(2);
  ASSERT_EQ(begin.size(), 2u);
  EXPECT_EQ(begin[0].shape(), (Shape{2, 2, 3}));
  const Arrays first = net({x.slice(0, 0, 4).copy(), begin[0], begin[1]});
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[1].shape(), (Shape{2, 2, 3}));
  const Arrays second = net({x.slice(0, 4, 6).copy(), first[1], first[2]});
  EXPECT_TRUE(same_bits(whole.slice(0, 0, 4).copy(), first[0]));
  EXPECT_TRUE(same_bits(whole.slice(0, 4, 6).copy(), second[0]));
  EXPECT_TRUE(same_bits(whole.slice(0, 5, 6).squeeze(0).copy(), second[1].slice(0, 1, 2).squeeze(0).copy()));
}

TEST(LSTM, LayoutNtcIsTheTranspose) {
  LSTM time_first(3), batch_first(3, {.layout = "NTC"});
  time_first.initialize(normal(0.7), 4);
  batch_first.initialize(normal(0.7), 4);
  const Array x = random({5, 2, 4}, 1, DType::f32);
  EXPECT_TRUE(same_bits(time_first(x), batch_first(x.transpose({1, 0, 2}).copy()).transpose({1, 0, 2}).copy()));
}

TEST(LSTM, GradientIsThatOfFiniteDifferences) {
  LSTM net(3, {.num_layers = 2, .i2h_bias_initializer = normal(0.5)});
  net.cast(DType::f64);
  net.initialize(normal(0.5), 4);
  EXPECT_LT(gradient_error(net, random({3, 2, 4}, 1)), 1e-6);
}

TEST(LSTM, DropoutActsBetweenLayersInTrainingOnly) {
  LSTM plain(3, {.num_layers = 2}), dropped(3, {.num_layers = 2, .dropout = 0.5});
  LSTM single(3, {.dropout = 0.5}), single_plain(3);
  for (LSTM* net : {&plain, &dropped, &single, &single_plain}) net->initialize(normal(0.7), 4);
  const Array x = random({5, 2, 4}, 1, DType::f32);
  EXPECT_TRUE(same_bits(plain(x), dropped(x)));
  const autograd::Record record;
  EXPECT_FALSE(same_bits(plain(x), dropped(x)));
  EXPECT_TRUE(same_bits(single_plain(x), single(x)));  // never after the last layer
}

TEST(LSTM, RefusesWrongSizes) {
  LSTM net(3, {.input_size = 4});
  net.initialize();
  EXPECT_EQ(error_of<ShapeError>([&] {
              net(Array::zeros({5, 2, 6}));
            }),
            "[lstm] input columns, was 6, expected 4 (layer \"\")");
  EXPECT_THROW(net(Array::zeros({5, 4})), ShapeError);
  EXPECT_THROW(net({Array::zeros({5, 2, 4}), Array::zeros({1, 3, 3}), Array::zeros({1, 2, 3})}), ShapeError);
  EXPECT_THROW(LSTM(0), ValueError);
  EXPECT_THROW(LSTM(1, {.layout = "CTN"}), ValueError);
  EXPECT_THROW(LSTM(1, {.dropout = 1}), ValueError);
}

TEST(LSTM, QuantizationIsAMarkThatChangesNothing) {
  LSTM plain(3), marked(3, {.quantization = true});
  plain.initialize(normal(0.7), 4);
  marked.initialize(normal(0.7), 4);
  EXPECT_TRUE(marked.quantization().enabled);
  EXPECT_FALSE(plain.quantization().enabled);
  const Array x = random({5, 2, 4}, 1, DType::f32);
  EXPECT_TRUE(same_bits(plain(x), marked(x)));
}

TEST(LayerNorm, ComputesByHandOnAnyAxis) {
  LayerNorm last, first({.axis = 0});
  last.initialize();
  first.initialize();
  const Array x = Array::from(std::vector<float>{1, 3, 2, 6}, {2, 2});
  const double a = 1 / std::sqrt(1 + 1e-5), b = 2 / std::sqrt(4 + 1e-5);
  EXPECT_LT(deviation(last(x), {-a, a, -b, b}), 1e-6);
  const double c = 0.5 / std::sqrt(0.25 + 1e-5), d = 1.5 / std::sqrt(2.25 + 1e-5);
  EXPECT_LT(deviation(first(x), {-c, -d, c, d}), 1e-6);
}

TEST(LayerNorm, KeepsWhatIsNotTrained) {
  LayerNorm net({.center = false, .scale = false, .in_channels = 3});
  for (const auto& [name, parameter] : net.collect_params()) EXPECT_FALSE(parameter.wants_grad()) << name;
}

TEST(BatchNorm, StartsWithTheGivenStatistics) {
  BatchNorm net(
      {.in_channels = 2, .running_mean_initializer = constant(3), .running_variance_initializer = constant(4)});
  net.initialize();
  EXPECT_NEAR(net(Array::full({1, 2}, 7.0)).slice(1, 0, 1).item(), 2, 1e-5);
}

TEST(LayerNorm, GradientIsThatOfFiniteDifferences) {
  LayerNorm net({.gamma_initializer = normal(1), .beta_initializer = normal(1)});
  net.cast(DType::f64);
  net.initialize();
  EXPECT_LT(gradient_error(net, random({4, 5}, 1)), 1e-6);
}

TEST(Dropout, KeepsTheMeanInTrainingAndIsTheIdentityOtherwise) {
  Dropout net(0.25);
  const Array x = Array::ones({100000});
  EXPECT_TRUE(same_bits(net(x), x));
  const RandomScope random(Key(3));
  const autograd::Record record;
  const Array y = net(x);
  EXPECT_NEAR(mean(y).item(), 1, 0.01);
  EXPECT_NEAR(mean(cast(equal(y, Array::zeros({100000})), DType::f32)).item(), 0.25, 0.01);
  EXPECT_THROW(Dropout(1), ValueError);
  EXPECT_THROW(Dropout(-0.1), ValueError);
}

TEST(Dropout, GradientUsesTheMaskOfTheForwardPass) {
  Dropout net(0.5);
  Array x = Array::ones({1000});
  x.attach_grad();
  const RandomScope random(Key(3));
  Array y, loss;
  {
    const autograd::Record record;
    y = net(x);
    loss = sum(y);
  }
  autograd::backward(loss);
  EXPECT_TRUE(same_bits(x.grad(), y));
}

TEST(Activation, ComputesGluonsFunctions) {
  const Array x = Array::from(std::vector<float>{-1.5f, 0, 2});
  const auto check = [&](const char* name, double (*f)(double)) {
    EXPECT_LT(deviation(Activation(name)(x), {f(-1.5), f(0), f(2)}), 1e-6) << name;
  };
  check("relu", [](double v) { return v > 0 ? v : 0; });
  check("sigmoid", [](double v) { return sigmoid_of(v); });
  check("tanh", [](double v) { return std::tanh(v); });
  check("softrelu", [](double v) { return std::log1p(std::exp(v)); });
  check("softsign", [](double v) { return v / (1 + std::abs(v)); });
  check("gelu", [](double v) { return 0.5 * v * std::erfc(-v / std::sqrt(2.0)); });
  check("silu", [](double v) { return v * sigmoid_of(v); });
  EXPECT_THROW(Activation(""), ValueError);
  EXPECT_THROW(Activation("gelu2"), ValueError);
}

TEST(Shaping, FlattenIdentityAndSequenceLast) {
  const Array x = random({3, 2, 4}, 1, DType::f32);
  EXPECT_EQ(Flatten()(x).shape(), (Shape{3, 8}));
  EXPECT_TRUE(same_bits(Identity()(x), x));
  EXPECT_TRUE(same_bits(SequenceLast()(x), x.slice(0, 2, 3).squeeze(0).copy()));
  EXPECT_TRUE(same_bits(SequenceLast("NTC")(x), x.slice(1, 1, 2).squeeze(1).copy()));
  EXPECT_THROW(SequenceLast("CTN"), ValueError);
  EXPECT_THROW(SequenceLast()(Array::zeros({3, 2})), ShapeError);
}

TEST(Sequential, RunsItsBlocksInOrder) {
  HybridSequential net;
  net.add(Dense(4, {.activation = "relu"}));
  Dense& head = net.add(Dense(1));
  net.initialize(xavier(), 2);
  const Array x = random({3, 5}, 1, DType::f32);
  const Array y = net(x);
  EXPECT_EQ(net.size(), 2u);
  EXPECT_EQ(&net[1], &head);
  EXPECT_TRUE(same_bits(y, net[1](net[0](x))));
  EXPECT_THROW(net[2], IndexError);
}

}  // namespace
}  // namespace quantick::nn
