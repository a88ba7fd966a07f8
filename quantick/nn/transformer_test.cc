// Attention blocks and transformers: against compositions of operators, finite differences, and the laws they keep.
#include "quantick/nn/zoo/transformer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error_of.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {
namespace {

Array random(const Shape& shape, uint64_t seed, DType dtype = DType::f32) {
  Array out = Array::zeros(shape, dtype);
  normal(0.5)->fill(out, Key(seed));
  return out;
}

double deviation(const Array& a, const Array& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double worst = x.size() == y.size() ? 0 : 1e9;
  for (size_t i = 0; i < x.size() && i < y.size(); ++i) worst = std::max(worst, std::abs(x[i] - y[i]));
  return worst;
}

/// Largest relative deviation of gradients by some elements of every parameter from finite differences in float64.
double gradient_error(Block& net, const Arrays& inputs) {
  Arrays wide;
  for (const Array& x : inputs) wide.push_back(x.astype(DType::f64));
  net.cast(DType::f64);
  net.initialize(normal(0.4), 5);
  net(wide);
  Arrays leaves;
  for (const auto& [name, parameter] : net.collect_params()) leaves.push_back(parameter.data());
  const auto value = [&] { return sum(square(net(wide)[0])); };
  Array loss;
  {
    const autograd::Record record(/*train_mode=*/false);
    loss = value();
  }
  const Arrays gradients = autograd::gradients(loss, leaves);
  double worst = 0;
  const autograd::Pause pause;
  for (size_t i = 0; i < leaves.size(); ++i) {
    double* const p = leaves[i].mutable_data<double>();
    for (int64_t k = 0; k < leaves[i].size(); k += std::max<int64_t>(1, leaves[i].size() / 5)) {
      const double kept = p[k], step = 2e-6;  // small: rms norms of short rows are curved
      p[k] = kept + step;
      const double above = value().item();
      p[k] = kept - step;
      const double below = value().item();
      p[k] = kept;
      const double exact = gradients[i].data<double>()[k];
      worst = std::max(worst, std::abs((above - below) / (2 * step) - exact) / std::max(1.0, std::abs(exact)));
    }
  }
  return worst;
}

bool hybrid_has_the_same_bits(Block& net, const Arrays& inputs) {
  net.initialize(normal(0.4), 5);
  const Array plain = net(inputs)[0];
  net.hybridize();
  return same_bits(plain, net(inputs)[0]);
}

TEST(MultiHeadAttention, IsSoftmaxOfScaledProductsBetweenProjections) {
  MultiHeadAttention net(6, 1, {.axis = "tokens"});
  net.initialize(normal(0.5), 3);
  const Array x = random({2, 5, 4}, 1);
  const Array y = net(x);
  const auto p = net.collect_params();
  ASSERT_EQ(p.size(), 8u);
  const auto projected = [&](const Array& in, size_t at) {
    return dense(in, p[at].second.data(), p[at + 1].second.data(), false);
  };
  const Array q = projected(x, 0), k = projected(x, 2), v = projected(x, 4);
  const Array weights = softmax(matmul(q, transpose(k, {0, 2, 1})) * (1 / std::sqrt(6.0)), -1);
  EXPECT_LT(deviation(y, projected(matmul(weights, v), 6)), 2e-6);
  EXPECT_EQ(p[0].first, "query.weight");
  EXPECT_EQ(p[6].first, "proj.weight");
}

TEST(MultiHeadAttention, TakesQueriesKeysValuesAndSharesHeadsOfKeys) {
  MultiHeadAttention net(8, 4, {.axis = "tokens", .kv_heads = 2});
  net.initialize(normal(0.5), 3);
  const Array q = random({2, 3, 4}, 1), k = random({2, 5, 7}, 2), v = random({2, 5, 6}, 3);
  EXPECT_EQ(net({q, k, v})[0].shape(), (Shape{2, 3, 8}));
  EXPECT_EQ(net.collect_params()[2].second.shape(), (Shape{4, 7}));
}

TEST(MultiHeadAttention, CausalAttentionSeesItsContextAndNothingLater) {
  MultiHeadAttention net(8, 2, {.causal = true, .context = 3, .recency = 1});
  net.initialize(normal(0.5), 3);
  const Array x = random({7, 2, 4}, 1);
  const Array y = net(x);
  for (const int64_t changed : {0, 4, 6}) {
    Array other = x.copy();
    other.slice(0, changed, changed + 1).assign(random({1, 2, 4}, 9));
    const Array z = net(other);
    for (int64_t t = 0; t < 7; ++t)
      EXPECT_EQ(same_bits(z.slice(0, t, t + 1).copy(), y.slice(0, t, t + 1).copy()), t < changed || t >= changed + 3)
          << "step " << t << ", changed " << changed;
  }
}

TEST(MultiHeadAttention, RecencyShowsTheOrderOfSteps) {
  const Array x = random({4, 1, 3}, 1);
  const Array swapped = concat({x.slice(0, 1, 2), x.slice(0, 0, 1), x.slice(0, 2, 4)}, 0);
  const auto newest = [](const Array& y) { return y.slice(0, 3, 4).copy(); };
  for (const double recency : {0.0, 1.0}) {
    MultiHeadAttention net(4, 2, {.causal = true, .context = 4, .recency = recency});
    net.initialize(normal(0.5), 3);
    EXPECT_EQ(deviation(newest(net(x)), newest(net(swapped))) > 1e-4, recency > 0);
  }
}

TEST(MultiHeadAttention, RefusesWhatDoesNotFit) {
  EXPECT_NE(error_of([] { MultiHeadAttention(6, 4); }).find("expected units a multiple of num_heads"),
            std::string::npos);
  EXPECT_NE(error_of([] { MultiHeadAttention(6, 2, {.axis = "rows"}); }).find("expected time or tokens"),
            std::string::npos);
  EXPECT_NE(error_of([] { MultiHeadAttention(6, 2, {.causal = true}); }).find("context, was 0, expected at least 1"),
            std::string::npos);
  EXPECT_NE(error_of([] { MultiHeadAttention(6, 2, {.context = 4}); }).find("context, was 4, expected 0"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              MultiHeadAttention net(6, 2);
              net.initialize();
              net({Array::zeros({2, 3, 6}), Array::zeros({2, 3})});
            }).find("inputs, was 2, expected {x} or {q, k, v}"),
            std::string::npos);
  EXPECT_NE(error_of([] { TransformerEncoderCell(6, 2, 8, {.norm = "group"}); }).find("expected layer or rms"),
            std::string::npos);
}

TEST(RMSNorm, ComputesByHand) {
  RMSNorm net;
  net.initialize();
  const double a = std::sqrt(5 + 1e-5);
  EXPECT_LT(deviation(net(Array::from(std::vector<float>{1, 3}, {1, 2})),
                      Array::from(std::vector<double>{1 / a, 3 / a}, {1, 2})),
            1e-6);
}

TEST(TransformerEncoderCell, GradientsAreThoseOfFiniteDifferencesInEveryForm) {
  for (const bool pre_norm : {true, false})
    for (const char* norm : {"layer", "rms"}) {
      TransformerEncoderCell over_time(
          4, 2, 6, {.attention = {.causal = true, .context = 3, .recency = 1}, .pre_norm = pre_norm, .norm = norm});
      EXPECT_LT(gradient_error(over_time, {random({5, 2, 4}, 1)}), 1e-6) << norm << pre_norm;
      TransformerEncoderCell over_tokens(
          4, 2, 6,
          {.attention = {.axis = "tokens", .kv_heads = 1}, .pre_norm = pre_norm, .norm = norm, .activation = "silu"});
      const Array mask = Array::from(std::vector<float>{1, 0, 1, 1, 1, 0}, {2, 3});
      EXPECT_LT(gradient_error(over_tokens, {random({2, 3, 4}, 1), mask}), 1e-6) << norm << pre_norm;
    }
}

TEST(TransformerEncoderCell, DropoutActsInTrainingOnly) {
  TransformerEncoderCell plain(4, 2, 6), dropped(4, 2, 6, {.dropout = 0.5});
  plain.initialize(normal(0.5), 3);
  dropped.initialize(normal(0.5), 3);
  const Array x = random({5, 2, 4}, 1);
  EXPECT_TRUE(same_bits(plain(x), dropped(x)));
  const autograd::Record record;
  EXPECT_FALSE(same_bits(plain(x), dropped(x)));
}

zoo::TransformerOptions small(const char* norm = "layer") {
  return {.units = 8, .num_heads = 2, .hidden_size = 12, .num_layers = 2, .context = 4, .norm = norm};
}

TEST(Transformer, HybridizedItHasTheSameBitsAndItsGradientsFlow) {
  zoo::Transformer net(small()), other(small("rms"));
  EXPECT_TRUE(hybrid_has_the_same_bits(net, {random({9, 3, 5}, 1)}));
  EXPECT_EQ(net(random({9, 3, 5}, 1)).shape(), (Shape{3, 1}));
  EXPECT_LT(gradient_error(other, {random({6, 2, 5}, 1)}), 1e-6);
}

TEST(Transformer, ScoresDependOnTheContextOfEveryCellAndNoFurther) {
  // Two cells of context 4 see 7 steps.
  zoo::Transformer net(small());
  net.initialize(normal(0.4), 5);
  const Array x = random({9, 2, 5}, 1), y = net(x);
  for (int64_t changed = 0; changed < 9; ++changed) {
    Array other = x.copy();
    other.slice(0, changed, changed + 1).assign(random({1, 2, 5}, 9));
    EXPECT_EQ(same_bits(net(other), y), changed < 2) << changed;
  }
}

TEST(CrossTransformer, ExchangedInstrumentsExchangeTheirScoresAndAbsentOnesAreNotSeen) {
  zoo::CrossTransformer net(small());
  const Array x = random({2, 4, 5}, 1);
  EXPECT_TRUE(hybrid_has_the_same_bits(net, {x}));
  const Array y = net(x);
  EXPECT_EQ(y.shape(), (Shape{2, 4, 1}));
  const auto exchange = [](const Array& a) {
    return concat({a.slice(1, 2, 3), a.slice(1, 1, 2), a.slice(1, 0, 1), a.slice(1, 3, 4)}, 1);
  };
  EXPECT_LT(deviation(net(exchange(x)), exchange(y)), 2e-6);
  const Array mask = Array::from(std::vector<float>{1, 1, 1, 0, 1, 1, 1, 0}, {2, 4});
  Array other = x.copy();
  other.slice(1, 3, 4).assign(random({2, 1, 5}, 9));
  const auto present = [](const Array& a) { return a.slice(1, 0, 3).copy(); };
  EXPECT_FALSE(same_bits(present(net(other)), present(y)));
  EXPECT_TRUE(same_bits(present(net({other, mask})[0]), present(net({x, mask})[0])));
}

TEST(CrossTransformer, GradientsAreThoseOfFiniteDifferences) {
  zoo::CrossTransformer net(small("rms"));
  EXPECT_LT(gradient_error(net, {random({2, 3, 5}, 1)}), 1e-6);
}

}  // namespace
}  // namespace quantick::nn
