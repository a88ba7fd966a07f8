// Rewrites that keep every output's bits.
#include <algorithm>

#include "quantick/graph/copier.h"
#include "quantick/graph/fold_parameters.h"

namespace quantick::graph {
namespace {

/// Computes nodes that read constants alone or, with `parameters`, constants and parameters.
Graph folded(const Graph& graph, bool parameters) {
  Graph out;
  Copier copier(graph, out);
  std::vector<Array> known(graph.values().size());
  std::vector<std::string> names(known.size());  // of the parameter that it comes from, "" for a constant
  for (size_t i = 0; i < known.size(); ++i) {
    const Value& v = graph.values()[i];
    if (v.kind == ValueKind::constant || (parameters && v.kind == ValueKind::parameter)) known[i] = v.data;
    if (v.kind == ValueKind::parameter) names[i] = v.name;
  }
  for (const Node& node : graph.nodes()) {
    Arrays arguments;
    std::string name;
    bool all = true;
    for (const ValueId id : node.inputs) {
      arguments.push_back(id < 0 ? Array() : known[static_cast<size_t>(id)]);
      all = all && (id < 0 || arguments.back().defined());
      if (id >= 0 && name.empty()) name = names[static_cast<size_t>(id)];
    }
    if (!all) {
      copier.copy(node);
      continue;
    }
    const UnobservedScope unobserved;
    const Arrays results = invoke(*node.op, node.attributes, arguments);
    for (size_t i = 0; i < results.size(); ++i) {
      const auto id = static_cast<size_t>(node.outputs[i]);
      known[id] = results[i];
      names[id] = name;
      copier.set(node.outputs[i], name.empty() ? out.add_constant(results[i]) : out.add_parameter(name, results[i]));
    }
  }
  copier.finish();
  return out.without_dead_nodes();
}

}  // namespace

Graph Graph::without_dead_nodes() const {
  std::vector<bool> needed(values_.size(), false), alive(nodes_.size(), false);
  for (ValueId id : outputs_) needed[static_cast<size_t>(id)] = true;
  for (size_t n = nodes_.size(); n-- > 0;) {
    const Node& node = nodes_[n];
    alive[n] = std::any_of(node.outputs.begin(), node.outputs.end(),
                           [&](ValueId id) { return needed[static_cast<size_t>(id)]; });
    if (!alive[n]) continue;
    for (ValueId id : node.inputs)
      if (id >= 0) needed[static_cast<size_t>(id)] = true;
  }
  Graph out;
  Copier copier(*this, out);
  for (size_t n = 0; n < nodes_.size(); ++n)
    if (alive[n]) copier.copy(nodes_[n]);
  copier.finish();
  return out;
}

Graph Graph::with_folded_constants() const { return folded(*this, false); }

Graph with_folded_parameters(const Graph& graph) { return folded(graph, true); }

}  // namespace quantick::graph
