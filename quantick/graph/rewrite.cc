// Rewrites that keep every output's bits.
#include <algorithm>

#include "quantick/graph/copier.h"

namespace quantick::graph {
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

Graph Graph::with_folded_constants() const {
  Graph out;
  Copier copier(*this, out);
  std::vector<Array> known(values_.size());
  for (size_t i = 0; i < values_.size(); ++i)
    if (values_[i].kind == ValueKind::constant) known[i] = values_[i].data;
  for (const Node& node : nodes_) {
    const bool constant = std::all_of(node.inputs.begin(), node.inputs.end(),
                                      [&](ValueId id) { return id < 0 || known[static_cast<size_t>(id)].defined(); });
    if (!constant) {
      copier.copy(node);
      continue;
    }
    Arrays arguments;
    for (ValueId id : node.inputs) arguments.push_back(id < 0 ? Array() : known[static_cast<size_t>(id)]);
    const UnobservedScope unobserved;
    const Arrays results = invoke(*node.op, node.attributes, arguments);
    for (size_t i = 0; i < results.size(); ++i) {
      known[static_cast<size_t>(node.outputs[i])] = results[i];
      copier.set(node.outputs[i], out.add_constant(results[i]));
    }
  }
  copier.finish();
  return out.without_dead_nodes();
}

}  // namespace quantick::graph
