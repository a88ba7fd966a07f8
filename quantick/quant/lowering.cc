#include "quantick/quant/lowering.h"

#include <algorithm>
#include <map>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/program_builder.h"

namespace quantick::quant {
namespace {

using Kind = IntegerForm::Kind;
using Output = IntegerForm::OutputFormat;

/// `layer` is `name` or lies within it.
bool within(const std::string& layer, const std::string& name) {
  return layer == name || layer.starts_with(name + ".");
}

void check_known(const std::vector<std::string>& names, const std::vector<std::string>& known, std::string_view key) {
  for (const std::string& name : names) {
    if (std::any_of(known.begin(), known.end(), [&](const std::string& k) { return within(k, name); })) continue;
    const std::string near = nearest_name(name, known);
    std::string all;
    for (const std::string& k : known) all += (all.empty() ? "" : ", ") + k;
    fail<ValueError>("[quantize] {} names \"{}\", which the model does not have{}; it has: {}", key, name,
                     near.empty() ? "" : ", did you mean \"" + near + "\"?", all);
  }
}

bool is_data(const graph::Graph& graph, graph::ValueId id) {
  if (id < 0) return false;
  const auto kind = graph.value(id).kind;
  return kind == graph::ValueKind::input || kind == graph::ValueKind::result;
}

/// Why the graph around a node keeps it float, or "".
std::string structural_reason(const graph::Graph& graph, const graph::Node& node) {
  const IntegerForm& form = node.op->integer;
  if (form.kind == Kind::none) {
    if (node.op->name == "transpose") return "moves axes; build the model for layout TNC";
    return "has no fixed-bits form";
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool data = static_cast<int>(i) < form.data_inputs;
    if (data && !is_data(graph, node.inputs[i])) return "reads a constant where its fixed-bits form reads a tensor";
    if (!data && is_data(graph, node.inputs[i]))
      return fmt::format("reads a computed tensor as {}",
                         i < node.op->inputs.size() ? node.op->inputs[i] : "a parameter");
    if (data) {
      const graph::Value& value = graph.value(node.inputs[i]);
      if (value.kind == graph::ValueKind::result && graph.nodes()[value.node].outputs[0] != node.inputs[i])
        return "reads a second output";
      if (value.type.dtype != DType::f32) return fmt::format("reads {}", dtype_name(value.type.dtype));
    }
  }
  // Leading axes (steps and batch, or batch) must be kept, or lose exactly the steps.
  const Shape &in = graph.value(node.inputs[0]).type.shape, &out = graph.value(node.outputs[0]).type.shape;
  const int drop = form.kind == Kind::last_step ? 1 : 0;
  if (in.ndim() < 2 || out.ndim() != in.ndim() - drop)
    return fmt::format("turns {} into {}; steps and batch must stay apart (Dense: flatten = false)", in.text(),
                       out.text());
  return "";
}

/// Nodes that lead to the output without a format of their own.
bool keeps_format(const graph::Node& node) {
  const IntegerForm& form = node.op->integer;
  return form.kind == Kind::last_step || form.kind == Kind::passthrough || form.output == Output::same;
}

/// Whether calibration has a say in the format of the output.
bool chooses_format(const graph::Node& node) {
  const Output output = node.op->integer.output;
  return !keeps_format(node) && (output == Output::calibrated || output == Output::unit);
}

enum class Head { no, real, wide };

/// The node that gives a value its format, or -1 for the model's input.
int format_source(const graph::Graph& graph, graph::ValueId id) {
  while (graph.value(id).kind == graph::ValueKind::result) {
    const int index = graph.value(id).node;
    if (!keeps_format(graph.nodes()[index])) return index;
    id = graph.nodes()[index].inputs[0];
  }
  return -1;
}

/// What each node owes to the output: its float32 sums, or 16 bits where a rounding operator follows. With "auto" what
/// the head reads has 16 bits as well: scores are small differences of large terms, and 8-bit steps drown them.
std::vector<Head> head_of(const graph::Graph& graph, const QuantizationConfig& config) {
  std::vector<Head> heads(graph.nodes().size(), Head::no);
  const graph::ValueId output = graph.outputs()[0];
  const int head = format_source(graph, output);
  if (head < 0) return heads;
  heads[head] = config.output_dtype == "float32" ? Head::real : Head::wide;
  for (graph::ValueId id = output; graph.value(id).node != head;) {
    const graph::Node& node = graph.nodes()[graph.value(id).node];
    if (node.op->integer.kind == Kind::pointwise) heads[head] = Head::wide;
    id = node.inputs[0];
  }
  if (config.quantized_dtype != "auto") return heads;
  for (int i = 0; i < graph.nodes()[head].op->integer.data_inputs; ++i)
    if (const int source = format_source(graph, graph.nodes()[head].inputs[i]); source >= 0) heads[source] = Head::wide;
  return heads;
}

/// Channels of a tensor: its shape without steps and batch.
Shape channels_of(const Shape& shape, bool sequence) {
  Shape out;
  for (int axis = sequence ? 2 : 1; axis < shape.ndim(); ++axis) out.push_back(shape[axis]);
  return out;
}

/// Adds the node with the wanted output, or with the second choice where its form does not have the first.
int add(runtime::ProgramBuilder& builder, const Operator& op, runtime::NodeSpec spec, const TensorFormat& first,
        const TensorFormat& second) {
  spec.output = first;
  if (first == second) return builder.add_node(op, spec);
  try {
    return builder.add_node(op, spec);
  } catch (const UnsupportedError&) {
    spec.output = second;
    return builder.add_node(op, spec);
  }
}

}  // namespace

std::vector<FloatNode> float_nodes(const graph::Graph& graph, const QuantizationConfig& config,
                                   const std::vector<std::string>& marked) {
  std::vector<std::string> layers, operators;
  for (const graph::Node& node : graph.nodes()) {
    if (std::find(layers.begin(), layers.end(), node.layer) == layers.end()) layers.push_back(node.layer);
    operators.push_back(node.op->name);
  }
  check_known(config.exclude_layers, layers, "exclude_layers");
  check_known(config.exclude_operators, operators, "exclude_operators");
  std::vector<FloatNode> out;
  for (const graph::Node& node : graph.nodes()) {
    const auto names_layer = [&](const std::string& name) { return within(node.layer, name); };
    const auto fits = [&](const std::string& pattern) { return matches_pattern(node.layer, pattern); };
    std::string reason = structural_reason(graph, node);
    const auto any = [](const std::vector<std::string>& names, const auto& test) {
      return std::any_of(names.begin(), names.end(), test);
    };
    if (reason.empty() && any(config.exclude_layers, names_layer)) reason = "excluded by exclude_layers";
    if (reason.empty() && any(config.exclude_layers_match, fits)) reason = "excluded by exclude_layers_match";
    if (reason.empty() && any(config.exclude_operators, [&](const std::string& n) { return n == node.op->name; }))
      reason = "excluded by exclude_operators";
    if (reason.empty() && any(marked, names_layer)) reason = "its block is marked as excluded";
    if (!reason.empty()) out.push_back({node.layer, node.op->name, reason});
  }
  return out;
}

void refuse_float_nodes(const std::vector<FloatNode>& nodes) {
  if (nodes.empty()) return;
  std::string list;
  for (const FloatNode& n : nodes) list += fmt::format("\n  {} (layer \"{}\"): {}", n.op, n.layer, n.reason);
  fail<UnsupportedError>("[quantize] nodes would stay float, and programs of this version hold no float layers:{}",
                         list);
}

Lowered lower(const graph::Graph& graph, const Calibration& calibration, const QuantizationConfig& config) {
  const FloatMode mode;
  config.validate();
  QTK_CHECK(graph.inputs().size() == 1 && graph.outputs().size() == 1, UnsupportedError,
            "[quantize] inputs and outputs of the model, were {} and {}, expected 1 and 1", graph.inputs().size(),
            graph.outputs().size());
  refuse_float_nodes(float_nodes(graph, config));
  QTK_CHECK(!graph.nodes().empty(), ValueError, "[quantize] the model computes nothing");
  runtime::ProgramBuilder builder;
  Lowered out;
  std::map<graph::ValueId, int> ids;
  const auto keep = [&](graph::ValueId value, int id) {
    ids[value] = id;
    out.graph_values.push_back(value);
  };

  const graph::ValueId input = graph.inputs()[0];
  const graph::Value& x = graph.value(input);
  QTK_CHECK(x.type.shape.ndim() == 2 || x.type.shape.ndim() == 3, UnsupportedError,
            "[quantize] input of the model, was {}, expected [steps, batch, features] or [batch, features]",
            x.type.shape.text());
  const bool sequence = x.type.shape.ndim() == 3;
  keep(input, builder.add_input(x.name, choose_format(calibration.at(input).range(), config.input_activation_dtype()),
                                channels_of(x.type.shape, sequence), sequence));
  builder.input().missing = runtime::missing_policy_from_name(config.missing);
  builder.input().fill = static_cast<float>(config.fill_value);

  const std::vector<Head> heads = head_of(graph, config);
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    const graph::ValueId result = node.outputs[0];
    runtime::NodeSpec spec{.attributes = node.attributes, .layer = node.layer, .name = graph.value(result).name};
    spec.precision.weight_dtype = fmt::format("int{}", config.weight_bits);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (static_cast<int>(i) < node.op->integer.data_inputs)
        spec.inputs.push_back(ids.at(node.inputs[i]));
      else
        spec.parameters.push_back(node.inputs[i] < 0 ? Array() : graph.value(node.inputs[i]).data);
    }
    const bool in_sequence = builder.value(spec.inputs[0]).sequence;
    spec.channels =
        channels_of(graph.value(result).type.shape, in_sequence && node.op->integer.kind != Kind::last_step);
    TensorFormat first, second;
    if (chooses_format(node)) {
      const ObservedRange range = calibration.at(result).range();
      first = choose_format(range, heads[n] == Head::no ? config.activation_dtype() : DType::i16);
      second = first;
      if (heads[n] == Head::real) first = TensorFormat{};
    }
    keep(result, add(builder, *node.op, std::move(spec), first, second));
  }
  out.program = builder.finish(ids.at(graph.outputs()[0]), graph.value(graph.outputs()[0]).name);
  return out;
}

}  // namespace quantick::quant
