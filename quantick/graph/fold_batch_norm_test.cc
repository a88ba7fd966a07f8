#include "quantick/graph/fold_batch_norm.h"

#include <gtest/gtest.h>

#include "quantick/ops/ops.h"
#include "quantick/tensor/random_array.h"

namespace quantick::graph {
namespace {

Array random(const Shape& shape, uint64_t seed, double low = -1, double high = 1) {
  return uniform_array(shape, low, high, Key(seed));
}

/// gamma, beta, running mean and variance.
std::vector<NamedParameter> statistics(int64_t channels, uint64_t seed) {
  return {{"gamma", random({channels}, seed)},
          {"beta", random({channels}, seed + 1)},
          {"mean", random({channels}, seed + 2)},
          {"var", random({channels}, seed + 3, 0.1, 3)}};
}

Array normalized(const Array& x, const std::vector<NamedParameter>& s, int axis) {
  return batch_norm(x, s[0].data, s[1].data, s[2].data, s[3].data, axis, 1e-3);
}

int count(const Graph& graph, std::string_view op) {
  int n = 0;
  for (const Node& node : graph.nodes()) n += node.op->name == op;
  return n;
}

double difference(const Graph& a, const Graph& b, const Array& x) {
  const Arrays inputs = {x};
  return max(abs(a.run(inputs)[0] - b.run(inputs)[0])).item();
}

template <class F>
void expect_folds(const Array& x, std::vector<NamedParameter> parameters, F&& function) {
  const Arrays inputs = {x};
  const Graph before = trace([&](std::span<const Array> in) { return Arrays{function(in[0])}; }, inputs, parameters);
  const Graph after = with_folded_batch_norm(before);
  after.verify();
  EXPECT_EQ(count(before, "batch_norm"), 1);
  EXPECT_EQ(count(after, "batch_norm"), 0);
  EXPECT_LT(difference(before, after, x), 1e-5);
  EXPECT_LT(difference(before, after, x.slice(0, 0, 2)), 1e-5);
}

TEST(FoldBatchNorm, IntoDenseAndConvolutions) {
  auto s = statistics(6, 10);
  const Array w2 = random({6, 3}, 1), w4 = random({6, 2, 3, 3}, 2), w3 = random({6, 3, 2}, 3), b = random({6}, 4);
  auto all = s;
  for (const Array& w : {w2, w4, w3, b}) all.push_back({"p" + std::to_string(all.size()), w});
  expect_folds(random({5, 3}, 5), all, [&](const Array& x) { return relu(normalized(dense(x, w2, b), s, 1)); });
  expect_folds(random({5, 4, 3}, 5), all, [&](const Array& x) { return normalized(dense(x, w2, b, false), s, -1); });
  expect_folds(random({5, 4, 7, 7}, 6), all, [&](const Array& x) {
    return normalized(convolution(x, w4, {}, {2, 2}, {1, 1, 1, 1}, {}, 2), s, 1);
  });
  expect_folds(random({5, 4, 3}, 7), all,
               [&](const Array& x) { return normalized(causal_convolution(x, w3, b), s, 2); });
}

TEST(FoldBatchNorm, LeavesWhatOthersReadOrWhatItCannotTakeIn) {
  const auto s = statistics(3, 10);
  const Array w = random({3, 3}, 1);
  auto all = s;
  all.push_back({"w", w});
  const Arrays inputs = {random({5, 3}, 5)};
  const auto folded = [&](const std::function<Array(const Array&)>& f) {
    return with_folded_batch_norm(trace([&](std::span<const Array> in) { return Arrays{f(in[0])}; }, inputs, all));
  };
  EXPECT_EQ(count(folded([&](const Array& x) {
                    const Array y = dense(x, w);
                    return normalized(y, s, 1) + y;
                  }),
                  "batch_norm"),
            1);
  EXPECT_EQ(count(folded([&](const Array& x) { return normalized(relu(dense(x, w)), s, 1); }), "batch_norm"), 1);
  EXPECT_EQ(count(folded([&](const Array& x) { return normalized(x, s, 1); }), "batch_norm"), 1);
  const Graph training = folded([&](const Array& x) {
    return batch_norm(dense(x, w), s[0].data, s[1].data, s[2].data, s[3].data, 1, 1e-5, 0.9, true);
  });
  EXPECT_EQ(count(training, "batch_norm"), 1);
}

}  // namespace
}  // namespace quantick::graph
