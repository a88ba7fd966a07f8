// Rewrites that keep every output's bits.
#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/graph/graph.h"

namespace quantick::graph {
namespace {

/// Copies values of one graph into another on first use.
class Copier {
 public:
  Copier(const Graph& from, Graph& to) : from_(from), to_(to), map_(from.values().size(), -1) {
    for (ValueId id : from.inputs())
      map_[static_cast<size_t>(id)] = to.add_input(from.value(id).name, from.value(id).type);
  }

  ValueId operator()(ValueId id) {
    if (id < 0) return -1;
    ValueId& target = map_[static_cast<size_t>(id)];
    if (target >= 0) return target;
    const Value& v = from_.value(id);
    QTK_ASSERT(v.kind == ValueKind::parameter || v.kind == ValueKind::constant);
    return target = v.kind == ValueKind::parameter ? to_.add_parameter(v.name, v.data) : to_.add_constant(v.data);
  }

  void copy(const Node& node) {
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) inputs.push_back((*this)(id));
    const auto outputs = to_.add_node(*node.op, node.attributes, std::move(inputs), node.layer);
    for (size_t i = 0; i < outputs.size(); ++i) set(node.outputs[i], outputs[i]);
  }

  void set(ValueId id, ValueId target) { map_[static_cast<size_t>(id)] = target; }

  void finish() {
    std::vector<ValueId> outputs;
    for (ValueId id : from_.outputs()) outputs.push_back((*this)(id));
    to_.set_outputs(std::move(outputs));
  }

 private:
  const Graph& from_;
  Graph& to_;
  std::vector<ValueId> map_;
};

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
