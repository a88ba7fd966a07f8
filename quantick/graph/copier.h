#pragma once
// Copies values and nodes of one graph into another: what rewrites are made of.
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/graph/graph.h"

namespace quantick::graph {

/// Inputs at once, parameters and constants on first use, nodes as asked.
class Copier {
 public:
  Copier(const Graph& from, Graph& to) : from_(from), to_(to), map_(from.values().size(), -1) {
    for (ValueId id : from.inputs())
      map_[static_cast<size_t>(id)] = to.add_input(from.value(id).name, from.value(id).type);
  }

  /// What stands for a value of the old graph in the new one; -1 for -1.
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

  /// From now on, `target` of the new graph stands for `id` of the old one.
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

}  // namespace quantick::graph
