#include "quantick/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "quantick/core/error.h"

namespace quantick::graph {
namespace {

/// What shape rules see for an optional input that is left out, as invoke() has it.
const TensorType kAbsentType{DType::f32, Shape{kAbsent}};

}  // namespace

const Value& Graph::value(ValueId id) const {
  QTK_ASSERT(id >= 0 && id < static_cast<ValueId>(values_.size()));
  return values_[static_cast<size_t>(id)];
}

ValueId Graph::add_input(const std::string& name, const TensorType& type) {
  values_.push_back({.kind = ValueKind::input, .type = type, .name = name});
  inputs_.push_back(static_cast<ValueId>(values_.size()) - 1);
  return inputs_.back();
}

ValueId Graph::add_parameter(const std::string& name, const Array& data) {
  values_.push_back({.kind = ValueKind::parameter, .type = data.type(), .name = name, .data = data});
  return static_cast<ValueId>(values_.size()) - 1;
}

ValueId Graph::add_constant(const Array& data) {
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({.kind = ValueKind::constant, .type = data.type(), .name = fmt::format("c{}", id), .data = data});
  return id;
}

std::vector<ValueId> Graph::add_node(const Operator& op, Attributes attributes, std::vector<ValueId> inputs,
                                     std::string layer) {
  Types types;
  for (ValueId id : inputs) types.push_back(id < 0 ? kAbsentType : value(id).type);
  while (!inputs.empty() && inputs.back() < 0) inputs.pop_back(), types.pop_back();
  const auto node = static_cast<int>(nodes_.size());
  Node added{.op = &op, .attributes = std::move(attributes), .inputs = std::move(inputs), .layer = std::move(layer)};
  for (const TensorType& type : op.infer(added.attributes, types)) {
    const auto id = static_cast<ValueId>(values_.size());
    values_.push_back({.kind = ValueKind::result, .type = type, .name = fmt::format("%{}", id), .node = node});
    added.outputs.push_back(id);
  }
  nodes_.push_back(std::move(added));
  return nodes_.back().outputs;
}

void Graph::set_parameter(int node, size_t index, const Array& data) {
  QTK_ASSERT(node >= 0 && node < static_cast<int>(nodes_.size()));
  Node& changed = nodes_[static_cast<size_t>(node)];
  if (changed.inputs.size() <= index) changed.inputs.resize(index + 1, -1);
  ValueId& id = changed.inputs[index];
  QTK_ASSERT(id < 0 || value(id).kind == ValueKind::parameter || value(id).kind == ValueKind::constant);
  Types types;
  for (const ValueId input : changed.inputs) types.push_back(input < 0 ? kAbsentType : value(input).type);
  types[index] = data.type();
  const Types results = changed.op->infer(changed.attributes, types);
  for (size_t i = 0; i < changed.outputs.size(); ++i)
    QTK_CHECK(results[i] == value(changed.outputs[i]).type, ShapeError,
              "[graph] a parameter {} changes what {} gives from {} to {}", data.type().text(), changed.op->name,
              value(changed.outputs[i]).type.text(), results[i].text());
  int64_t uses = std::count(outputs_.begin(), outputs_.end(), id);
  for (const Node& n : nodes_) uses += std::count(n.inputs.begin(), n.inputs.end(), id);
  if (id >= 0 && uses == 1) {
    Value& own = values_[static_cast<size_t>(id)];
    own.data = data, own.type = data.type();
    return;
  }
  const std::string name = id < 0 ? fmt::format("{}.{}", changed.layer, changed.op->inputs.at(index)) : value(id).name;
  id = add_parameter(name, data);
}

Arrays Graph::run(std::span<const Array> inputs, const std::function<void(ValueId, const Array&)>& observe) const {
  QTK_CHECK(inputs.size() == inputs_.size(), ValueError, "[graph] inputs, was {}, expected {}", inputs.size(),
            inputs_.size());
  Arrays held(values_.size());
  std::vector<int> uses(values_.size(), 0);
  for (const Node& node : nodes_)
    for (ValueId id : node.inputs)
      if (id >= 0) ++uses[static_cast<size_t>(id)];
  for (ValueId id : outputs_) ++uses[static_cast<size_t>(id)];
  for (size_t i = 0; i < values_.size(); ++i) held[i] = values_[i].data;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& expected = value(inputs_[i]);
    QTK_CHECK(inputs[i].dtype() == expected.type.dtype && inputs[i].ndim() == expected.type.shape.ndim(), TypeError,
              "[graph] input \"{}\", was {}, expected {} with these many axes", expected.name, inputs[i].type().text(),
              expected.type.text());
    held[static_cast<size_t>(inputs_[i])] = inputs[i];
    if (observe) observe(inputs_[i], inputs[i]);
  }
  for (const Node& node : nodes_) {
    Arrays arguments;
    for (ValueId id : node.inputs) arguments.push_back(id < 0 ? Array() : held[static_cast<size_t>(id)]);
    const Arrays results = invoke(*node.op, node.attributes, arguments);
    for (size_t i = 0; i < node.outputs.size(); ++i) {  // hidden outputs, which follow, are for the tape
      held[static_cast<size_t>(node.outputs[i])] = results[i];
      if (observe) observe(node.outputs[i], results[i]);
    }
    for (ValueId id : node.inputs)  // free results after their last use; observers and the tape hold what they need
      if (id >= 0 && --uses[static_cast<size_t>(id)] == 0 && value(id).kind == ValueKind::result)
        held[static_cast<size_t>(id)] = Array();
  }
  Arrays out;
  for (ValueId id : outputs_) out.push_back(held[static_cast<size_t>(id)]);
  return out;
}

void Graph::verify() const {
  std::vector<bool> made(values_.size(), false);
  for (size_t i = 0; i < values_.size(); ++i) made[i] = values_[i].kind != ValueKind::result;
  const auto known = [&](ValueId id) {
    return id >= 0 && id < static_cast<ValueId>(values_.size()) && made[static_cast<size_t>(id)];
  };
  for (const Node& node : nodes_) {
    QTK_ASSERT(node.op != nullptr);
    Types types;
    for (ValueId id : node.inputs) {
      QTK_ASSERT(id == -1 || known(id));
      types.push_back(id < 0 ? kAbsentType : value(id).type);
    }
    const Types results = node.op->infer(node.attributes, types);
    QTK_ASSERT(results.size() == node.outputs.size());
    for (size_t i = 0; i < results.size(); ++i) {
      const ValueId id = node.outputs[i];
      QTK_ASSERT(id >= 0 && id < static_cast<ValueId>(values_.size()) && !made[static_cast<size_t>(id)]);
      QTK_ASSERT(value(id).type == results[i]);
      made[static_cast<size_t>(id)] = true;
    }
  }
  for (ValueId id : outputs_) QTK_ASSERT(known(id));
}

std::string Graph::text() const {
  std::string out;
  const auto line = [&](const char* what, const Value& v) {
    out += fmt::format("{} {}: {}\n", what, v.name, v.type.text());
  };
  for (const Value& v : values_) {
    if (v.kind == ValueKind::input) line("input", v);
    if (v.kind == ValueKind::parameter) line("parameter", v);
    if (v.kind == ValueKind::constant) line("constant", v);
  }
  for (const Node& node : nodes_) {
    std::vector<std::string> results, arguments, attributes;
    for (ValueId id : node.outputs) results.push_back(value(id).name);
    for (ValueId id : node.inputs) arguments.push_back(id < 0 ? "-" : value(id).name);
    for (const auto& [name, v] : node.attributes) attributes.push_back(fmt::format("{}={}", name, attribute_text(v)));
    out += fmt::format("{} = {}({}){}  : {}{}\n", fmt::join(results, ", "), node.op->name, fmt::join(arguments, ", "),
                       attributes.empty() ? "" : fmt::format(" [{}]", fmt::join(attributes, ", ")),
                       value(node.outputs.front()).type.text(), node.layer.empty() ? "" : "  # " + node.layer);
  }
  for (ValueId id : outputs_) line("output", value(id));
  return out;
}

}  // namespace quantick::graph
