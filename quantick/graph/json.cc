#include <nlohmann/json.hpp>

#include "quantick/graph/graph.h"

namespace quantick::graph {

std::string Graph::json() const {
  using nlohmann::ordered_json;
  ordered_json doc;
  constexpr std::array kinds{"input", "parameter", "constant", "result"};
  for (const Value& v : values_)
    doc["values"].push_back({{"name", v.name},
                             {"kind", kinds[static_cast<size_t>(v.kind)]},
                             {"dtype", dtype_name(v.type.dtype)},
                             {"shape", v.type.shape.to_vector()}});
  for (const Node& node : nodes_) {
    ordered_json attributes = ordered_json::object();
    for (const auto& [name, value] : node.attributes) std::visit([&](const auto& x) { attributes[name] = x; }, value);
    doc["nodes"].push_back({{"operator", node.op->name},
                            {"layer", node.layer},
                            {"attributes", attributes},
                            {"inputs", node.inputs},
                            {"outputs", node.outputs}});
  }
  doc["inputs"] = inputs_;
  doc["outputs"] = outputs_;
  return doc.dump(1);
}

}  // namespace quantick::graph
