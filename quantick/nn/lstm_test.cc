// Both directions and projections; the plain LSTM is tested in layers_test.cc.
#include "quantick/nn/lstm.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/ops/ops.h"
#include "quantick/tensor/random_array.h"

namespace quantick::nn {
namespace {

Array random(const Shape& shape, uint64_t seed) { return normal_array(shape, 1, Key(seed)); }

std::vector<std::string> names_of(const LSTM& net) {
  std::vector<std::string> out;
  for (const auto& [name, parameter] : net.parameters()) out.push_back(name + " " + parameter.shape().text());
  return out;
}

Array parameter(const LSTM& net, const std::string& wanted) {
  for (const auto& [name, p] : net.parameters())
    if (name == wanted) return p.data();
  fail<IndexError>("[test] no parameter {}", wanted);
}

/// The layers by hand, from operator calls on the parameters by name.
Array by_hand(const LSTM& net, Array x) {
  const LSTMOptions& options = net.options();
  for (int64_t k = 0; k < options.num_layers; ++k) {
    const auto side = [&](const std::string& letter, const Array& in) {
      const std::string prefix = letter + std::to_string(k) + "_";
      const auto p = [&](const std::string& name) { return parameter(net, prefix + name); };
      return options.projection_size > 0 ? lstm_projection(in, p("i2h_weight"), p("h2h_weight"), p("i2h_bias"),
                                                           p("h2h_bias"), p("h2r_weight"))[0]
                                         : lstm(in, p("i2h_weight"), p("h2h_weight"), p("i2h_bias"), p("h2h_bias"))[0];
    };
    const Array forward = side("l", x);
    x = options.bidirectional ? concat({forward, sequence_reverse(side("r", sequence_reverse(x)))}, 2) : forward;
  }
  return x;
}

TEST(BidirectionalLSTM, NamesAndShapesAreGluons) {
  LSTM net(3, {.num_layers = 2, .bidirectional = true});
  net.initialize(normal(0.5), 4);
  EXPECT_EQ(net(random({5, 2, 4}, 1)).shape(), (Shape{5, 2, 6}));
  EXPECT_EQ(names_of(net),
            (std::vector<std::string>{
                "l0_i2h_weight (12, 4)", "l0_h2h_weight (12, 3)", "l0_i2h_bias (12,)", "l0_h2h_bias (12,)",
                "r0_i2h_weight (12, 4)", "r0_h2h_weight (12, 3)", "r0_i2h_bias (12,)", "r0_h2h_bias (12,)",
                "l1_i2h_weight (12, 6)", "l1_h2h_weight (12, 3)", "l1_i2h_bias (12,)", "l1_h2h_bias (12,)",
                "r1_i2h_weight (12, 6)", "r1_h2h_weight (12, 3)", "r1_i2h_bias (12,)", "r1_h2h_bias (12,)"}));
}

TEST(ProjectedLSTM, NamesAndShapesAreGluons) {
  LSTM net(5, {.num_layers = 2, .projection_size = 2});
  net.initialize(normal(0.5), 4);
  EXPECT_EQ(net(random({5, 3, 4}, 1)).shape(), (Shape{5, 3, 2}));
  EXPECT_EQ(names_of(net),
            (std::vector<std::string>{"l0_i2h_weight (20, 4)", "l0_h2h_weight (20, 2)", "l0_h2r_weight (2, 5)",
                                      "l0_i2h_bias (20,)", "l0_h2h_bias (20,)", "l1_i2h_weight (20, 2)",
                                      "l1_h2h_weight (20, 2)", "l1_h2r_weight (2, 5)", "l1_i2h_bias (20,)",
                                      "l1_h2h_bias (20,)"}));
}

std::vector<LSTMOptions> variants() {
  return {{.num_layers = 2, .bidirectional = true},
          {.num_layers = 2, .projection_size = 2},
          {.num_layers = 2, .bidirectional = true, .projection_size = 2}};
}

TEST(LSTMVariants, AreTheLayersByHand) {
  for (LSTMOptions options : variants()) {
    options.i2h_bias_initializer = normal(0.5);
    LSTM net(3, options);
    net.initialize(normal(0.7), 4);
    const Array x = random({6, 2, 4}, 1), y = net(x);
    EXPECT_TRUE(same_bits(y, by_hand(net, x)));
    LSTM batch_first(3, [&] {
      options.layout = "NTC";
      return options;
    }());
    batch_first.initialize(normal(0.7), 4);
    EXPECT_TRUE(same_bits(y, batch_first(x.transpose({1, 0, 2}).copy()).transpose({1, 0, 2}).copy()));
    net.hybridize();
    net(x);
    EXPECT_TRUE(same_bits(net(x), y));
  }
}

TEST(LSTMVariants, TheBackwardDirectionSeesTheFuture) {
  LSTM net(3, {.bidirectional = true});
  net.initialize(normal(0.7), 4);
  Array x = random({6, 2, 4}, 1);
  const Array before = net(x);
  x.slice(0, 5, 6).assign(random({1, 2, 4}, 2));
  const Array after = net(x);
  EXPECT_TRUE(same_bits(after.slice(0, 0, 5).slice(2, 0, 3).copy(), before.slice(0, 0, 5).slice(2, 0, 3).copy()));
  EXPECT_FALSE(same_bits(after.slice(0, 0, 1).slice(2, 3, 6).copy(), before.slice(0, 0, 1).slice(2, 3, 6).copy()));
}

TEST(LSTMVariants, StatesHaveAnEntryPerLayerAndDirection) {
  LSTM net(5, {.num_layers = 2, .bidirectional = true, .projection_size = 2});
  net.initialize(normal(0.7), 4);
  const Array x = random({6, 3, 4}, 1);
  const Arrays begin = net.begin_state(3);
  EXPECT_EQ(begin[0].shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(begin[1].shape(), (Shape{4, 3, 5}));
  const Arrays out = net({x, begin[0], begin[1]});
  EXPECT_TRUE(same_bits(out[0], net(x)));
  EXPECT_EQ(out[1].shape(), begin[0].shape());
  EXPECT_EQ(out[2].shape(), begin[1].shape());
  // The last layer: its forward direction ends at the newest step, its backward direction at the oldest.
  EXPECT_TRUE(
      same_bits(out[1].slice(0, 2, 3).squeeze(0).copy(), out[0].slice(0, 5, 6).squeeze(0).slice(1, 0, 2).copy()));
  EXPECT_TRUE(
      same_bits(out[1].slice(0, 3, 4).squeeze(0).copy(), out[0].slice(0, 0, 1).squeeze(0).slice(1, 2, 4).copy()));
  const Arrays changed = net({x, out[1], out[2]});
  EXPECT_FALSE(same_bits(changed[0], out[0]));
  EXPECT_THROW(net({x, begin[1], begin[1]}), ShapeError);
  EXPECT_THROW(LSTM(3, {.projection_size = -1}), ValueError);
}

TEST(LSTMVariants, GradientsReachEveryParameter) {
  for (const LSTMOptions& options : variants()) {
    LSTM net(3, options);
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
}

}  // namespace
}  // namespace quantick::nn
