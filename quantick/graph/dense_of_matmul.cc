#include "quantick/graph/dense_of_matmul.h"

#include "quantick/graph/copier.h"
#include "quantick/ops/ops.h"

namespace quantick::graph {
namespace {

bool is_known(const Value& value) { return value.kind == ValueKind::parameter || value.kind == ValueKind::constant; }

}  // namespace

Graph with_dense_of_matmul(const Graph& graph) {
  Graph out;
  Copier copier(graph, out);
  for (const Node& node : graph.nodes()) {
    const bool product = node.op->name == "matmul";
    const Value* const weight = product ? &graph.value(node.inputs[1]) : nullptr;
    if (!product || is_known(graph.value(node.inputs[0])) || !is_known(*weight) || weight->type.shape.ndim() != 2) {
      copier.copy(node);
      continue;
    }
    const UnobservedScope unobserved;
    const Array rows = transpose(weight->data, {1, 0}).contiguous();
    const ValueId id =
        weight->kind == ValueKind::parameter ? out.add_parameter(weight->name, rows) : out.add_constant(rows);
    const auto result =
        out.add_node(find_operator("dense"), {{"flatten", false}}, {copier(node.inputs[0]), id}, node.layer);
    copier.set(node.outputs[0], result[0]);
  }
  copier.finish();
  return out;
}

}  // namespace quantick::graph
