// What the tests over rows cannot know: values by hand, the cache of a causal node.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "quantick/ops/integer_form.h"
#include "quantick/ops/operator.h"
#include "quantick/ops/ops.h"

namespace quantick {
namespace {

TEST(Attention, ComputesByHand) {
  const Array q = Array::from(std::vector<float>{1, 0}, {1, 2});
  const Array k = Array::from(std::vector<float>{1, 5, 0, 5}, {2, 2}),
              v = Array::from(std::vector<float>{3, 7}, {2, 1});
  const double weight = 1 / (1 + std::exp(-1 / std::sqrt(2.0)));
  EXPECT_NEAR(attention(q, k, v).item(), 3 * weight + 7 * (1 - weight), 1e-6);
  EXPECT_NEAR(attention(q, k, v, {}, 1, 0, false, 2).item(), 3 / (1 + std::exp(-2)) + 7 / (1 + std::exp(2)), 1e-6);
  EXPECT_EQ(attention(q, k, v, Array::from(std::vector<float>{0, 1})).item(), 7);
  EXPECT_EQ(attention(q, k, v, Array::zeros({2})).item(), 0);
}

TEST(Attention, RecencyTakesASlopePerStepOfAge) {
  // Two heads of width 1 with queries 0: only age counts. Slopes 2^-4 and 2^-8 times 16: 1 and 1/16.
  const Array zeros = Array::zeros({3, 1, 2}), v = Array::from(std::vector<float>{1, 1, 0, 0, 0, 0}, {3, 1, 2});
  const Array y = causal_attention(zeros, zeros, v, 3, 2, 0, 0, 16);
  for (const int head : {0, 1}) {
    const double slope = head == 0 ? 1 : 1.0 / 16;
    const double total = 1 + std::exp(-slope) + std::exp(-2 * slope);
    EXPECT_NEAR(y.to_vector<double>()[static_cast<size_t>(4 + head)], std::exp(-2 * slope) / total, 1e-6);
  }
}

/// A causal node of context 3 on two batch rows of 4 channels.
struct CausalNode {
  explicit CausalNode(DType dtype) {
    const TensorFormat format = dtype == DType::f32 ? TensorFormat{} : TensorFormat{dtype, 0.02f, 0};
    PrepareCall call;
    call.attributes = &attributes;
    call.lead_axes = 2;
    call.inputs.assign(3, format);
    call.input_types.assign(3, {dtype, Shape{4}});
    call.output = TensorFormat{};
    call.output_type = {DType::f32, Shape{4}};
    node = find_operator("causal_attention").integer.prepare(call);
    state.resize(static_cast<size_t>(2 * node->state_bytes() / 8));
  }

  Array run(const Array& x) {
    Array y = Array::zeros({x.shape()[0], 2, 4});
    std::vector<double> scratch(static_cast<size_t>(node->scratch_bytes(x.shape()[0], 2)) / 8 + 1);
    const std::vector<const void*> inputs(3, x.raw());
    node->run({.steps = x.shape()[0],
               .batch = 2,
               .inputs = inputs,
               .output = y.mutable_raw(),
               .state = state.data(),
               .scratch = scratch.data()});
    return y;
  }

  Attributes attributes = {{"context", int64_t{3}}, {"heads", int64_t{2}}};
  std::unique_ptr<IntegerNode> node;
  std::vector<double> state;
};

Array values(int64_t steps, DType dtype) {
  std::vector<double> v(static_cast<size_t>(steps * 8));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(static_cast<int>(i * 37 % 201) - 100);
  return Array::from(v, {steps, 2, 4}).astype(dtype);
}

TEST(CausalAttentionNode, AnyCutOfTheStepsGivesTheSameBits) {
  for (const DType dtype : {DType::i8, DType::i16, DType::f32}) {
    const Array x = values(11, dtype);
    CausalNode whole(dtype), pieces(dtype);
    const Array y = whole.run(x);
    for (const auto& [begin, end] : std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 5}, {5, 7}, {7, 11}})
      EXPECT_TRUE(same_bits(pieces.run(x.slice(0, begin, end).copy()), y.slice(0, begin, end).copy())) << begin;
    EXPECT_EQ(whole.state, pieces.state);
  }
}

}  // namespace
}  // namespace quantick
