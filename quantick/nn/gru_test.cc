#include "quantick/nn/gru.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/ops/ops.h"
#include "quantick/tensor/random_array.h"

namespace quantick::nn {
namespace {

Array random(const Shape& shape, uint64_t seed) { return normal_array(shape, 1, Key(seed)); }

Array parameter(const GRU& net, const std::string& wanted) {
  for (const auto& [name, p] : net.parameters())
    if (name == wanted) return p.data();
  fail<IndexError>("[test] no parameter {}", wanted);
}

/// One layer by the formulas in double precision; order says which block of rows is r, z and n.
std::vector<double> reference(const GRU& net, const Array& x, std::array<size_t, 3> order = {0, 1, 2}) {
  const auto values = [&](const char* name) { return parameter(net, name).to_vector<double>(); };
  const auto w_ih = values("l0_i2h_weight"), w_hh = values("l0_h2h_weight");
  const auto b_ih = values("l0_i2h_bias"), b_hh = values("l0_h2h_bias"), in = x.to_vector<double>();
  const auto steps = static_cast<size_t>(x.shape()[0]), batch = static_cast<size_t>(x.shape()[1]);
  const auto width = static_cast<size_t>(x.shape()[2]), units = static_cast<size_t>(net.hidden_size());
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  std::vector<double> h(batch * units, 0.0), y;
  for (size_t t = 0; t < steps; ++t) {
    const std::vector<double> before = h;
    for (size_t n = 0; n < batch; ++n)
      for (size_t u = 0; u < units; ++u) {
        std::array<double, 3> a{}, b{};
        for (size_t gate = 0; gate < 3; ++gate) {
          const size_t row = order[gate] * units + u;
          a[gate] = b_ih[row], b[gate] = b_hh[row];
          for (size_t i = 0; i < width; ++i) a[gate] += w_ih[row * width + i] * in[(t * batch + n) * width + i];
          for (size_t i = 0; i < units; ++i) b[gate] += w_hh[row * units + i] * before[n * units + i];
        }
        const double r = sigmoid(a[0] + b[0]), z = sigmoid(a[1] + b[1]), c = std::tanh(a[2] + r * b[2]);
        h[n * units + u] = (1 - z) * c + z * before[n * units + u];
      }
    y.insert(y.end(), h.begin(), h.end());
  }
  return y;
}

double deviation(const Array& got, const std::vector<double>& want) {
  const auto values = got.to_vector<double>();
  double worst = values.size() == want.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(values.size(), want.size()); ++i)
    worst = std::max(worst, std::abs(values[i] - want[i]));
  return worst;
}

TEST(GRU, ComputesTheFormulasAndSeesSwappedGates) {
  GRU net(3, {.i2h_bias_initializer = normal(0.5), .h2h_bias_initializer = normal(0.5)});
  net.initialize(normal(0.7), 4);
  const Array x = random({5, 2, 4}, 1);
  const Array y = net(x);
  EXPECT_EQ(y.shape(), (Shape{5, 2, 3}));
  EXPECT_LT(deviation(y, reference(net, x)), 2e-6);
  for (const std::array<size_t, 3>& order : {std::array<size_t, 3>{1, 0, 2}, {2, 1, 0}, {0, 2, 1}})
    EXPECT_GT(deviation(y, reference(net, x, order)), 1e-3);
}

TEST(GRU, NamesAndShapesAreGluons) {
  GRU net(3, {.num_layers = 2, .bidirectional = true});
  net.initialize(normal(0.5), 4);
  EXPECT_EQ(net(random({5, 2, 4}, 1)).shape(), (Shape{5, 2, 6}));
  std::vector<std::string> names;
  for (const auto& [name, p] : net.parameters()) names.push_back(name + " " + p.shape().text());
  EXPECT_EQ(names, (std::vector<std::string>{
                       "l0_i2h_weight (9, 4)", "l0_h2h_weight (9, 3)", "l0_i2h_bias (9,)", "l0_h2h_bias (9,)",
                       "r0_i2h_weight (9, 4)", "r0_h2h_weight (9, 3)", "r0_i2h_bias (9,)", "r0_h2h_bias (9,)",
                       "l1_i2h_weight (9, 6)", "l1_h2h_weight (9, 3)", "l1_i2h_bias (9,)", "l1_h2h_bias (9,)",
                       "r1_i2h_weight (9, 6)", "r1_h2h_weight (9, 3)", "r1_i2h_bias (9,)", "r1_h2h_bias (9,)"}));
}

TEST(GRU, StacksAndReadsBothDirections) {
  GRU net(3, {.num_layers = 2, .bidirectional = true});
  net.initialize(normal(0.5), 4);
  const Array input = random({5, 2, 4}, 1), y = net(input);
  Array x = input;
  for (const std::string k : {"0", "1"}) {
    const auto side = [&](const std::string& letter, const Array& in) {
      const auto p = [&](const std::string& name) { return parameter(net, letter + k + "_" + name); };
      return gru(in, p("i2h_weight"), p("h2h_weight"), p("i2h_bias"), p("h2h_bias"))[0];
    };
    x = concat({side("l", x), sequence_reverse(side("r", sequence_reverse(x)))}, 2);
  }
  EXPECT_TRUE(same_bits(y, x));
}

TEST(GRU, TakesAndGivesTheStateAsGluonDoes) {
  GRU net(3, {.num_layers = 2});
  net.initialize(normal(0.7), 4);
  const Array x = random({6, 2, 4}, 1);
  const Array whole = net(x);
  const Arrays begin = net.begin_state(2);
  ASSERT_EQ(begin.size(), 1u);
  EXPECT_EQ(begin[0].shape(), (Shape{2, 2, 3}));
  const Arrays first = net({x.slice(0, 0, 4).copy(), begin[0]});
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1].shape(), (Shape{2, 2, 3}));
  const Arrays second = net({x.slice(0, 4, 6).copy(), first[1]});
  EXPECT_TRUE(same_bits(whole.slice(0, 0, 4).copy(), first[0]));
  EXPECT_TRUE(same_bits(whole.slice(0, 4, 6).copy(), second[0]));
  EXPECT_TRUE(same_bits(whole.slice(0, 5, 6).squeeze(0).copy(), second[1].slice(0, 1, 2).squeeze(0).copy()));
}

TEST(GRU, LayoutNtcIsTheTranspose) {
  GRU time_first(3), batch_first(3, {.layout = "NTC"});
  time_first.initialize(normal(0.7), 4);
  batch_first.initialize(normal(0.7), 4);
  const Array x = random({5, 2, 4}, 1);
  EXPECT_TRUE(same_bits(time_first(x), batch_first(x.transpose({1, 0, 2}).copy()).transpose({1, 0, 2}).copy()));
}

TEST(GRU, DropoutActsBetweenLayersInTrainingOnly) {
  GRU plain(3, {.num_layers = 2}), dropped(3, {.num_layers = 2, .dropout = 0.5});
  GRU single(3, {.dropout = 0.5}), single_plain(3);
  for (GRU* net : {&plain, &dropped, &single, &single_plain}) net->initialize(normal(0.7), 4);
  const Array x = random({5, 2, 4}, 1);
  EXPECT_TRUE(same_bits(plain(x), dropped(x)));
  const autograd::Record record;
  EXPECT_FALSE(same_bits(plain(x), dropped(x)));
  EXPECT_TRUE(same_bits(single_plain(x), single(x)));  // never after the last layer
}

TEST(GRU, GradientsReachEveryParameter) {
  GRU net(3, {.num_layers = 2, .bidirectional = true});
  net.initialize(normal(0.5), 4);
  const Array x = random({4, 2, 4}, 1);
  net(x);
  Array loss;
  {
    const autograd::Record record;
    loss = sum(square(net(x)));
  }
  autograd::backward(loss);
  for (const auto& [name, p] : net.parameters()) EXPECT_GT(max(abs(p.grad())).item(), 0) << name;
}

TEST(GRU, RefusesWrongSizes) {
  GRU net(3, {.input_size = 4});
  net.initialize();
  EXPECT_THROW(net(Array::zeros({5, 2, 6})), ShapeError);
  EXPECT_THROW(net(Array::zeros({5, 4})), ShapeError);
  EXPECT_THROW(net({Array::zeros({5, 2, 4}), Array::zeros({1, 3, 3})}), ShapeError);
  EXPECT_THROW(GRU(0), ValueError);
  EXPECT_THROW(GRU(1, {.layout = "CTN"}), ValueError);
  EXPECT_THROW(GRU(1, {.dropout = 1}), ValueError);
}

TEST(GRU, QuantizationIsAMarkThatChangesNothing) {
  GRU plain(3), marked(3, {.quantization = true});
  plain.initialize(normal(0.7), 4);
  marked.initialize(normal(0.7), 4);
  EXPECT_TRUE(marked.quantization().enabled);
  EXPECT_FALSE(plain.quantization().enabled);
  const Array x = random({5, 2, 4}, 1);
  EXPECT_TRUE(same_bits(plain(x), marked(x)));
}

}  // namespace
}  // namespace quantick::nn
