#include "quantick/graph/fold_batch_norm.h"

#include <cmath>

#include "quantick/graph/copier.h"

namespace quantick::graph {
namespace {

bool is_known(const Graph& graph, ValueId id) {
  const ValueKind kind = graph.value(id).kind;
  return kind == ValueKind::parameter || kind == ValueKind::constant;
}

template <class T>
T attribute(const Node& node, std::string_view name) {
  for (const auto& [key, value] : node.attributes)
    if (key == name) return std::get<T>(value);
  fail<InvariantError>("Invariant: {} has no attribute {}", node.op->name, name);
}

int uses(const Graph& graph, ValueId id) {
  int count = 0;
  for (const Node& node : graph.nodes())
    for (const ValueId input : node.inputs) count += input == id;
  for (const ValueId output : graph.outputs()) count += output == id;
  return count;
}

/// The node whose weights can take `norm` in, or -1.
int producer(const Graph& graph, const Node& norm) {
  if (norm.op->name != "batch_norm" || attribute<bool>(norm, "training")) return -1;
  for (size_t i = 1; i < norm.inputs.size(); ++i)
    if (!is_known(graph, norm.inputs[i])) return -1;
  const Value& x = graph.value(norm.inputs[0]);
  if (x.kind != ValueKind::result || uses(graph, norm.inputs[0]) != 1) return -1;
  const Node& node = graph.nodes()[static_cast<size_t>(x.node)];
  const std::string& op = node.op->name;
  if (op != "dense" && op != "convolution" && op != "causal_convolution") return -1;
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i] >= 0 && !is_known(graph, node.inputs[i])) return -1;
  const int axis = x.type.shape.normalize_axis(static_cast<int>(attribute<int64_t>(norm, "axis")));
  return axis == (op == "convolution" ? 1 : x.type.shape.ndim() - 1) ? x.node : -1;
}

struct Folded {
  Array weight, bias;
};

Folded fold(const Graph& graph, const Node& node, const Node& norm) {
  const Value& weight = graph.value(node.inputs[1]);
  std::vector<double> w = weight.data.to_vector<double>();
  const auto values = [&](const Node& of, size_t i) { return graph.value(of.inputs[i]).data.to_vector<double>(); };
  const auto gamma = values(norm, 1), beta = values(norm, 2), mean = values(norm, 3), variance = values(norm, 4);
  const size_t rows = gamma.size(), columns = rows == 0 ? 0 : w.size() / rows;
  std::vector<double> b = node.inputs.size() > 2 && node.inputs[2] >= 0 ? values(node, 2) : std::vector<double>(rows);
  const double epsilon = attribute<double>(norm, "epsilon");
  for (size_t r = 0; r < rows; ++r) {
    const double factor = gamma[r] / std::sqrt(variance[r] + epsilon);
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) w[i] *= factor;
    b[r] = (b[r] - mean[r]) * factor + beta[r];
  }
  const DType dtype = weight.type.dtype;
  return {Array::from(w, weight.type.shape).astype(dtype), Array::from(b).astype(dtype)};
}

}  // namespace

Graph with_folded_batch_norm(const Graph& graph) {
  std::vector<const Node*> norm_of(graph.nodes().size(), nullptr);
  std::vector<bool> gone(graph.nodes().size(), false);
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const int node = producer(graph, graph.nodes()[n]);
    if (node < 0) continue;
    norm_of[static_cast<size_t>(node)] = &graph.nodes()[n];
    gone[n] = true;
  }
  Graph out;
  Copier copier(graph, out);
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    if (gone[n]) continue;
    if (norm_of[n] == nullptr) {
      copier.copy(node);
      continue;
    }
    const Folded folded = fold(graph, node, *norm_of[n]);
    const std::string& name = graph.value(node.inputs[1]).name;
    const ValueId weight = out.add_parameter(name, folded.weight);
    const ValueId bias = out.add_parameter(node.layer + ".folded_bias", folded.bias);
    const auto result = out.add_node(*node.op, node.attributes, {copier(node.inputs[0]), weight, bias}, node.layer);
    copier.set(norm_of[n]->outputs[0], result[0]);
  }
  copier.finish();
  return out;
}

}  // namespace quantick::graph
