#include "quantick/graph/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/graph/dense_of_matmul.h"
#include "quantick/graph/fold_parameters.h"
#include "quantick/graph/tracing.h"
#include "quantick/ops/ops.h"

namespace quantick::graph {
namespace {

Array random_array(const Shape& shape, uint64_t seed) {
  Array out = Array::empty(shape);
  float* p = out.mutable_data<float>();
  for (int64_t i = 0; i < out.size(); ++i) p[i] = static_cast<float>(Key(seed).normal(static_cast<uint64_t>(i)));
  return out;
}

struct Network {
  NamedParameter w{"fc.weight", random_array({5, 3}, 1)};
  NamedParameter b{"fc.bias", random_array({5}, 2)};
  Arrays operator()(std::span<const Array> in) const {
    Array h;
    {
      const LayerScope scope("fc");
      h = dense(in[0], w.data, b.data);
    }
    const Array unused = exp(h);
    const LayerScope outer("head");
    const LayerScope inner("act");
    return {tanh(h) * (Array::ones({5}) + Array::ones({5}))};
  }
  Graph trace(const Array& x, Arrays* outputs = nullptr) const {
    const NamedParameter parameters[] = {w, b};
    const Array inputs[] = {x};
    return graph::trace(*this, inputs, parameters, outputs);
  }
};

TEST(Graph, RunsTheTracedCallsWithTheSameBits) {
  const Network net;
  const Array x = random_array({4, 3}, 9);
  Arrays imperative;
  const Graph graph = net.trace(x, &imperative);
  graph.verify();
  const Array other = random_array({7, 3}, 10);  // another batch size than the traced one
  for (const Array& input : {x, other}) {
    const Array inputs[] = {input};
    EXPECT_TRUE(same_bits(graph.run(inputs)[0], net(inputs)[0]));
  }
}

TEST(Graph, ParametersAreLive) {
  Network net;
  const Array x = random_array({2, 3}, 9);
  const Graph graph = net.trace(x);
  net.w.data.assign(random_array({5, 3}, 77));
  const Array inputs[] = {x};
  EXPECT_TRUE(same_bits(graph.run(inputs)[0], net(inputs)[0]));
}

TEST(Graph, RewritesKeepTheBitsAndDropWhatIsNotNeeded) {
  const Network net;
  const Array x = random_array({4, 3}, 9);
  const Graph graph = net.trace(x);
  const Array inputs[] = {x};
  const auto has = [](const Graph& g, std::string_view op) {
    return std::any_of(g.nodes().begin(), g.nodes().end(), [&](const Node& n) { return n.op->name == op; });
  };
  EXPECT_TRUE(has(graph, "exp"));
  const Graph lean = graph.without_dead_nodes();
  lean.verify();
  EXPECT_FALSE(has(lean, "exp"));
  EXPECT_TRUE(has(lean, "add"));
  const Graph folded = graph.with_folded_constants();
  folded.verify();
  EXPECT_FALSE(has(folded, "add"));
  for (const Graph* g : {&lean, &folded}) EXPECT_TRUE(same_bits(g->run(inputs)[0], graph.run(inputs)[0]));
}

TEST(Graph, FoldsWhatIsComputedFromParametersIntoParameters) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, Shape{2, 3}});
  const ValueId w = graph.add_parameter("w", random_array({3, 3}, 1));
  const ValueId two = graph.add_constant(Array::full({}, 2.0));
  const ValueId scaled = graph.add_node(find_operator("multiply"), {}, {w, two}, "a")[0];
  const ValueId root = graph.add_node(find_operator("sqrt"), {}, {two}, "a")[0];
  const ValueId y = graph.add_node(find_operator("dense"), {}, {x, scaled}, "a")[0];
  graph.set_outputs(graph.add_node(find_operator("multiply"), {}, {y, root}, "b"));
  const Graph folded = with_folded_parameters(graph);
  folded.verify();
  ASSERT_EQ(folded.nodes().size(), 2u);
  EXPECT_EQ(folded.value(folded.nodes()[0].inputs[1]).kind, ValueKind::parameter);
  EXPECT_EQ(folded.value(folded.nodes()[0].inputs[1]).name, "w");
  EXPECT_EQ(folded.value(folded.nodes()[1].inputs[1]).kind, ValueKind::constant);
  EXPECT_EQ(graph.with_folded_constants().nodes().size(), 3u) << "a parameter may change";
  const Array in = random_array({2, 3}, 4);
  EXPECT_TRUE(same_bits(folded.run(std::span(&in, 1))[0], graph.run(std::span(&in, 1))[0]));
}

TEST(Graph, ProductsWithMatricesOfParametersBecomeDense) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, Shape{5, 2, 3}});
  const ValueId w = graph.add_parameter("w", random_array({3, 4}, 1));
  const ValueId v = graph.add_constant(random_array({4, 4}, 2));
  const ValueId y = graph.add_node(find_operator("matmul"), {}, {x, w}, "a")[0];
  const ValueId z = graph.add_node(find_operator("matmul"), {}, {y, v}, "b")[0];
  const ValueId q = graph.add_node(find_operator("transpose"), {{"axes", std::vector<int64_t>{0, 2, 1}}}, {z}, "c")[0];
  graph.set_outputs(graph.add_node(find_operator("matmul"), {}, {q, z}, "d"));
  const Graph changed = with_dense_of_matmul(graph);
  changed.verify();
  std::string operators;
  for (const Node& node : changed.nodes()) operators += node.op->name + " ";
  EXPECT_EQ(operators, "dense dense transpose matmul ");
  EXPECT_EQ(changed.value(changed.nodes()[0].inputs[1]).name, "w");
  EXPECT_EQ(changed.value(changed.nodes()[0].inputs[1]).type.shape, Shape({4, 3}));
  EXPECT_EQ(changed.nodes()[1].layer, "b");
  const Array in = random_array({5, 2, 3}, 4);
  const Array expected = graph.run(std::span(&in, 1))[0], got = changed.run(std::span(&in, 1))[0];
  ASSERT_EQ(got.shape(), expected.shape());
  for (int64_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got.data<float>()[i], expected.data<float>()[i], 1e-4);
}

TEST(Graph, SetsParametersOfOneNodeAndKeepsIds) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, Shape{2, 3}});
  const ValueId w = graph.add_parameter("w", random_array({3, 3}, 1));
  const ValueId y = graph.add_node(find_operator("dense"), {}, {x, w}, "a")[0];
  const ValueId z = graph.add_node(find_operator("dense"), {}, {y, w}, "b")[0];
  graph.set_outputs({z});
  const Array original = graph.value(w).data, changed = random_array({3, 3}, 2), bias = random_array({3}, 3);
  Graph other = graph;
  other.set_parameter(0, 1, changed);  // w is shared: the second node keeps it
  other.set_parameter(1, 2, bias);     // left out before
  other.verify();
  EXPECT_EQ(other.outputs(), graph.outputs());
  EXPECT_EQ(other.value(other.nodes()[1].inputs[2]).name, "b.bias");
  const Array in = random_array({2, 3}, 4);
  const Array expected = dense(dense(in, changed), original, bias);
  EXPECT_TRUE(same_bits(other.run(std::span(&in, 1))[0], expected));
  EXPECT_TRUE(same_bits(graph.run(std::span(&in, 1))[0], dense(dense(in, original), original)));
  const size_t values = other.values().size();
  other.set_parameter(0, 1, original);  // its own by now
  EXPECT_EQ(other.values().size(), values);
  EXPECT_THROW(other.set_parameter(0, 1, random_array({4, 3}, 5)), ShapeError);
}

TEST(Graph, NamesLayersAndParameters) {
  const Network net;
  const Graph graph = net.trace(random_array({4, 3}, 9));
  EXPECT_EQ(graph.nodes().front().layer, "fc");
  EXPECT_EQ(graph.nodes().back().layer, "head.act");
  EXPECT_NE(graph.text().find("parameter fc.weight: float32 (5, 3)"), std::string::npos) << graph.text();
  const auto doc = nlohmann::json::parse(graph.json());
  EXPECT_EQ(doc["nodes"].size(), graph.nodes().size());
  EXPECT_EQ(doc["nodes"][0]["operator"], "dense");
}

TEST(Graph, ObserverSeesInputsAndResults) {
  const Graph graph = Network().trace(random_array({4, 3}, 9));
  const Array inputs[] = {random_array({4, 3}, 9)};
  std::vector<ValueId> seen;
  graph.run(inputs, [&](ValueId id, const Array& value) {
    seen.push_back(id);
    EXPECT_EQ(value.type(), graph.value(id).type);
  });
  EXPECT_EQ(seen.size(), 1 + graph.nodes().size());
}

TEST(Graph, RefusesViewsOfTracedArrays) {
  const Array inputs[] = {random_array({4, 3}, 9)};
  const auto function = [](std::span<const Array> in) { return Arrays{tanh(in[0].reshape({12}))}; };
  try {
    trace(function, inputs, {});
    FAIL() << "a view was traced as a constant";
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("is a view"), std::string::npos) << error.what();
  }
}

TEST(Graph, RefusesInputsOfAnotherType) {
  const Graph graph = Network().trace(random_array({4, 3}, 9));
  const Array wrong[] = {Array::zeros({4, 3}, DType::f64)};
  EXPECT_THROW(graph.run(wrong), TypeError);
  EXPECT_THROW(graph.run({}), ValueError);
}

TEST(Trace, KnowsTheArraysThatItFollows) {
  const Array inputs[] = {random_array({2, 3}, 1)};
  EXPECT_FALSE(is_traced(inputs[0]));
  const auto function = [](std::span<const Array> in) {
    const Array constant = Array::ones({3}), y = in[0] * constant;
    EXPECT_TRUE(is_traced(in[0]));
    EXPECT_TRUE(is_traced(y.slice(0, 0, 1)));
    EXPECT_FALSE(is_traced(constant));
    return Arrays{y};
  };
  graph::trace(function, inputs, {});
  EXPECT_FALSE(is_traced(inputs[0]));
}

}  // namespace
}  // namespace quantick::graph
