#include "quantick/quant/node_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "quantick/core/error.h"

namespace quantick::quant {
namespace {

using Kind = IntegerForm::Kind;

/// `layer` is `name` or lies within it.
bool within(const std::string& layer, const std::string& name) {
  return layer == name || layer.starts_with(name + ".");
}

void check_known(const std::vector<std::string>& names, const std::vector<std::string>& known, std::string_view key) {
  for (const std::string& name : names) {
    if (std::any_of(known.begin(), known.end(), [&](const std::string& k) { return within(k, name); })) continue;
    const std::string near = nearest_name(name, known);
    fail<ValueError>("[quantize] {} names \"{}\", which the model does not have{}; it has: {}", key, name,
                     near.empty() ? "" : ", did you mean \"" + near + "\"?", fmt::join(known, ", "));
  }
}

/// Gates and state of the recurrent operators, as TensorRule names them.
struct Recurrence {
  std::vector<std::string> gates;
  std::string state;
};

const Recurrence* recurrence_of(const Operator& op) {
  static const std::map<std::string, Recurrence, std::less<>> known{{"lstm", {{"i", "f", "g", "o"}, "cell"}},
                                                                    {"gru", {{"r", "z", "n"}, "state"}}};
  const auto found = known.find(op.name.substr(0, op.name.find('_')));
  return found == known.end() ? nullptr : &found->second;
}

std::vector<bool> sequences(const graph::Graph& graph, const std::string& layout) {
  const graph::Value& x = graph.value(graph.inputs()[0]);
  const auto any = [&](auto&& test) {
    return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                       [&](const graph::Node& node) { return test(node.op->integer); });
  };
  const bool over_time = any([](const IntegerForm& f) {
    return f.kind == Kind::recurrent || f.kind == Kind::window || f.kind == Kind::last_step;
  });
  const bool images = any([](const IntegerForm& f) { return f.row_axes > 1; });
  std::vector<bool> out(graph.values().size(), false);
  out[graph.inputs()[0]] =
      layout == "sequence" || (layout == "auto" && (over_time || (x.type.shape.ndim() == 3 && !images)));
  for (const graph::Node& node : graph.nodes())
    for (const graph::ValueId input : node.inputs)
      if (is_data(graph, input)) {
        for (const graph::ValueId output : node.outputs)
          out[output] = out[input] && node.op->integer.kind != Kind::last_step;
        break;
      }
  return out;
}

constexpr std::string_view kStepsApart = "steps and batch must stay apart (Dense: flatten = false)";

/// Why no program can hold a node, or "".
std::string structural_reason(const graph::Graph& graph, const graph::Node& node, const std::vector<bool>& sequence) {
  const IntegerForm& form = node.op->integer;
  if (form.kind == Kind::none) return "has no form in a program";
  const int data_inputs = data_input_count(form, node.inputs.size());
  graph::ValueId x = -1;  // the first computed input
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool data = static_cast<int>(i) < data_inputs, computed = is_data(graph, node.inputs[i]);
    if (!data && computed)
      return fmt::format("reads a computed tensor as {}",
                         i < node.op->inputs.size() ? node.op->inputs[i] : "a parameter");
    if (!data) continue;
    if (!computed && (form.reads_integers || node.inputs[i] < 0))
      return "reads a constant where its form reads a tensor";
    if (!computed) continue;
    if (x < 0) x = node.inputs[i];
    const graph::Value& value = graph.value(node.inputs[i]);
    if (value.kind == graph::ValueKind::result && graph.nodes()[value.node].outputs[0] != node.inputs[i])
      return "reads a second output";
    if (value.type.dtype != DType::f32) return fmt::format("reads {}", dtype_name(value.type.dtype));
    if (sequence[node.inputs[i]] != sequence[x]) return "joins a sequence and a single frame";
  }
  if (x < 0) return "reads constants alone";
  const Shape &in = graph.value(x).type.shape, &out = graph.value(node.outputs[0]).type.shape;
  if ((form.kind == Kind::recurrent || form.kind == Kind::window || form.kind == Kind::last_step) && !sequence[x])
    return "runs over time, and the model's input is a frame";
  const int lead = sequence[x] ? 2 : 1, drop = form.kind == Kind::last_step ? 1 : 0;
  if (in.ndim() < lead + form.row_axes)
    return fmt::format("reads {}, expected {} axes after {}", in.text(), form.row_axes,
                       sequence[x] ? "steps and batch" : "batch");
  bool kept = out.ndim() >= lead - drop;
  for (int axis = drop; kept && axis < lead; ++axis) kept = out[axis - drop] == in[axis];
  if (!kept && node.op->name == "transpose") return "moves axes; build the model for layout TNC";
  if (!kept)
    return fmt::format("turns {} into {}; {}", in.text(), out.text(),
                       sequence[x] ? kStepsApart : "the batch must stay the first axis");
  return "";
}

bool any_match(const std::vector<std::string>& patterns, const std::string& text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches_pattern(text, pattern); });
}

/// Counts which rules met something, so that one that met nothing is an error.
class Rules {
 public:
  explicit Rules(const QuantizationConfig& config) : config_(config), used_(config.tensors.size(), false) {}

  /// The dtype that the last matching rule asks for, or "".
  std::string dtype(const std::string& tensor) {
    names_.push_back(tensor);
    std::string out;
    for (size_t i = 0; i < used_.size(); ++i)
      if (matches_pattern(tensor, config_.tensors[i].match)) {
        used_[i] = true;
        out = config_.tensors[i].dtype;
      }
    return out;
  }

  /// A tensor whose format its operator gives: patterns leave it as it is, and a rule for it alone is an error.
  void refuse(const std::string& tensor, const std::string& op) {
    for (const TensorRule& rule : config_.tensors)
      QTK_CHECK(rule.match != tensor, ValueError,
                "[quantize] {} has the format that its operator {} gives it; no rule changes it", tensor, op);
  }

  void check_all_used() const {
    for (size_t i = 0; i < used_.size(); ++i)
      QTK_CHECK(used_[i], ValueError,
                "[quantize] the rule for tensors \"{}\" meets none that a rule can change; the model has: {}",
                config_.tensors[i].match, fmt::join(names_, ", "));
  }

 private:
  const QuantizationConfig& config_;
  std::vector<bool> used_;
  std::vector<std::string> names_;
};

/// Bits of a gate or a state: 24 is float32.
int64_t inner_bits(const std::string& tensor, const std::string& dtype) {
  if (dtype.empty() || dtype == "float32") return 24;
  for (int64_t bits = 2; bits <= 32; ++bits)
    if (dtype == fmt::format("int{}", bits)) return std::min<int64_t>(bits, 24);
  fail<ValueError>("[quantize] dtype of {}, was \"{}\", expected int2 .. int32 or float32", tensor, dtype);
}

void check_tensor_dtype(const std::string& tensor, const std::string& dtype) {
  QTK_CHECK(dtype.empty() || integer_bits(dtype) > 0 || dtype == "bf16" || dtype == "fp16" || dtype == "float32",
            ValueError, "[quantize] dtype of {}, was \"{}\", expected int2 .. int16, bf16, fp16 or float32", tensor,
            dtype);
}

void apply_recurrent_rules(const Recurrence& recurrence, const std::string& name, Rules& rules, Precision& p) {
  std::vector<int64_t> weights, gates;
  bool own_weights = false;
  for (const std::string& gate : recurrence.gates) {
    const std::string weight = fmt::format("{}.weight.{}", name, gate), dtype = rules.dtype(weight);
    QTK_CHECK(dtype.empty() || integer_bits(dtype) > 0, ValueError,
              "[quantize] dtype of {}, was \"{}\", expected int2 .. int16", weight, dtype);
    own_weights |= !dtype.empty();
    weights.push_back(!dtype.empty() ? integer_bits(dtype) : std::max(2, integer_bits(p.weight_dtype)));
    const std::string tensor = fmt::format("{}.gate.{}", name, gate);
    gates.push_back(inner_bits(tensor, rules.dtype(tensor)));
  }
  if (own_weights) p.gate_weight_bits = weights;
  if (std::any_of(gates.begin(), gates.end(), [](int64_t b) { return b < 24; })) p.gate_bits = gates;
  const std::string state = fmt::format("{}.{}", name, recurrence.state), hidden = name + ".hidden";
  p.state_bits = inner_bits(state, rules.dtype(state));
  const std::string dtype = rules.dtype(hidden);
  QTK_CHECK(dtype.empty() || dtype == "int8" || dtype == "int16", ValueError,
            "[quantize] dtype of {}, was \"{}\", expected int8 or int16", hidden, dtype);
  p.hidden_bits = dtype == "int8" ? 8 : 16;
}

Precision precision_of(const graph::Node& node, const std::string& name, const QuantizationConfig& config,
                       Rules& rules) {
  Precision p;
  p.method = config.default_method();
  p.weight_dtype = fmt::format("int{}", config.bits_of_weights());
  p.granularity = config.quantize_granularity;
  p.group_size = config.group_size;
  p.power_of_two = config.power_of_two;
  p.decay = config.decay;
  for (const LayerRule& rule : config.layers) {
    if (!matches_pattern(name, rule.match)) continue;
    if (!rule.method.empty()) p.method = rule.method;
    if (!rule.quantize_granularity.empty()) p.granularity = rule.quantize_granularity;
    if (rule.group_size > 0) p.group_size = rule.group_size;
  }
  const std::string weight = name + ".weight", dtype = node.inputs.size() > 1 ? rules.dtype(weight) : "";
  check_tensor_dtype(weight, dtype);
  if (!dtype.empty()) p.weight_dtype = dtype;
  if (!dtype.empty() && integer_bits(dtype) == 0) p.method = "float32";
  QTK_CHECK(p.method != "static" || config.calib_mode != "none", ValueError,
            "[quantize] layer {} is asked to be static, which needs calibration data", name);
  if (const Recurrence* recurrence = recurrence_of(*node.op)) apply_recurrent_rules(*recurrence, name, rules, p);
  return p;
}

void keep_in_float(NodePlan& node, const std::string& reason) {
  node.float_reason = reason;
  node.precision.method = "float32";
  if (integer_bits(node.precision.weight_dtype) > 0) node.precision.weight_dtype = "float32";
}

/// quantize_mode smart (see config.h).
void keep_idle_layers_in_float(const graph::Graph& graph, const LayerMarks& marks, GraphPlan& plan) {
  std::vector<bool> feeds(graph.values().size(), false);
  for (size_t n = graph.nodes().size(); n-- > 0;) {
    const graph::Node& node = graph.nodes()[n];
    NodePlan& of_node = plan.nodes[n];
    const bool multiplies = node.op->integer.reads_integers;
    const auto marked = [&](const std::string& name) { return within(node.layer, name); };
    if (of_node.float_reason.empty() && multiplies && !marks.enabled.empty() &&
        std::none_of(marks.enabled.begin(), marks.enabled.end(), marked))
      keep_in_float(of_node, "is not marked for quantization (quantize_mode smart)");
    const bool feeds_integers = std::any_of(node.outputs.begin(), node.outputs.end(),
                                            [&](graph::ValueId id) { return static_cast<bool>(feeds[id]); });
    if (of_node.float_reason.empty() && !multiplies && !keeps_format(node) && !feeds_integers)
      keep_in_float(of_node, "feeds no integer layer (quantize_mode smart)");
    if (of_node.float_reason.empty() && (multiplies || feeds_integers))
      for (const graph::ValueId input : node.inputs)
        if (input >= 0) feeds[input] = true;
  }
}

}  // namespace

std::vector<std::string> node_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  std::map<std::string, int> seen;
  for (const graph::Node& node : graph.nodes()) {
    const std::string& name = node.layer.empty() ? node.op->name : node.layer;
    const int times = ++seen[name];
    names.push_back(times == 1 ? name : fmt::format("{}.{}", name, times));
  }
  return names;
}

bool keeps_format(const graph::Node& node) {
  const IntegerForm& form = node.op->integer;
  return form.kind == Kind::last_step || form.kind == Kind::passthrough ||
         form.output == IntegerForm::OutputFormat::same;
}

bool chooses_format(const graph::Node& node) {
  using Output = IntegerForm::OutputFormat;
  const Output output = node.op->integer.output;
  return !keeps_format(node) && (output == Output::calibrated || output == Output::unit);
}

bool is_data(const graph::Graph& graph, graph::ValueId id) {
  if (id < 0) return false;
  const auto kind = graph.value(id).kind;
  return kind == graph::ValueKind::input || kind == graph::ValueKind::result;
}

GraphPlan plan_nodes(const graph::Graph& graph, const QuantizationConfig& config, const LayerMarks& marks) {
  config.validate();
  QTK_CHECK(graph.inputs().size() == 1 && graph.outputs().size() == 1, UnsupportedError,
            "[quantize] inputs and outputs of the model, were {} and {}, expected 1 and 1", graph.inputs().size(),
            graph.outputs().size());
  QTK_CHECK(!graph.nodes().empty(), ValueError, "[quantize] the model computes nothing");
  std::vector<std::string> layers, operators;
  for (const graph::Node& node : graph.nodes()) {
    if (!node.layer.empty() && std::find(layers.begin(), layers.end(), node.layer) == layers.end())
      layers.push_back(node.layer);
    if (std::find(operators.begin(), operators.end(), node.op->name) == operators.end())
      operators.push_back(node.op->name);
  }
  check_known(config.exclude_layers, layers, "exclude_layers");
  check_known(config.exclude_operators, operators, "exclude_operators");
  for (const std::string& pattern : config.exclude_layers_match)
    QTK_CHECK(std::any_of(layers.begin(), layers.end(), [&](const auto& l) { return matches_pattern(l, pattern); }),
              ValueError, "[quantize] exclude_layers_match \"{}\" meets no layer; the model has: {}", pattern,
              fmt::join(layers, ", "));

  GraphPlan plan;
  plan.sequence = sequences(graph, config.layout);
  Rules rules(config);
  plan.input_dtype = rules.dtype("input");
  check_tensor_dtype("input", plan.input_dtype);
  const std::vector<std::string> names = node_names(graph);
  for (const LayerRule& rule : config.layers)
    QTK_CHECK(std::any_of(names.begin(), names.end(), [&](const auto& n) { return matches_pattern(n, rule.match); }),
              ValueError, "[quantize] the rule for layers \"{}\" meets none; the model has: {}", rule.match,
              fmt::join(names, ", "));
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    NodePlan out;
    out.name = names[n];
    out.precision = precision_of(node, out.name, config, rules);
    const std::string output = out.name + ".output";
    if (chooses_format(node))
      out.output_dtype = rules.dtype(output);
    else
      rules.refuse(output, node.op->name);
    check_tensor_dtype(output, out.output_dtype);
    const auto lies_in = [&](const std::vector<std::string>& paths) {
      return std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return within(node.layer, path); });
    };
    const std::string structural = structural_reason(graph, node, plan.sequence);
    const auto& excluded_ops = config.exclude_operators;
    if (!structural.empty()) {
      keep_in_float(out, structural);
      out.refused = true;
    } else if (!node.op->integer.stays_float.empty()) {
      keep_in_float(out, node.op->integer.stays_float);
    } else if (lies_in(config.exclude_layers)) {
      keep_in_float(out, "excluded by exclude_layers");
    } else if (any_match(config.exclude_layers_match, node.layer)) {
      keep_in_float(out, "excluded by exclude_layers_match");
    } else if (std::find(excluded_ops.begin(), excluded_ops.end(), node.op->name) != excluded_ops.end()) {
      keep_in_float(out, "excluded by exclude_operators");
    } else if (lies_in(marks.excluded)) {
      keep_in_float(out, "its block is marked as excluded");
    } else if (out.precision.method == "float32") {
      keep_in_float(out, "a rule asks for float");
    }
    plan.nodes.push_back(out);
  }
  rules.check_all_used();
  if (config.quantize_mode == "smart") keep_idle_layers_in_float(graph, marks, plan);
  for (size_t n = 0; n < plan.nodes.size(); ++n) {
    const NodePlan& node = plan.nodes[n];
    node.precision.validate(fmt::format("quantize: layer {}", node.name));
    if (!node.float_reason.empty())
      plan.float_nodes.push_back(
          {graph.nodes()[n].layer, graph.nodes()[n].op->name, node.float_reason, node.name, node.refused});
  }
  return plan;
}

void refuse_impossible(const std::vector<FloatNode>& nodes) {
  std::vector<std::pair<std::string, int>> lines;  // and how often; an unrolled cell has the same ones at each step
  bool merges_steps = false;
  for (const FloatNode& n : nodes) {
    if (!n.refused) continue;
    const std::string line =
        fmt::format("{}{}: {}", n.op, n.layer.empty() ? "" : fmt::format(" (layer \"{}\")", n.layer), n.reason);
    const auto known = std::find_if(lines.begin(), lines.end(), [&](const auto& l) { return l.first == line; });
    if (known == lines.end())
      lines.emplace_back(line, 1);
    else
      ++known->second;
    merges_steps |= n.reason.ends_with(kStepsApart);
  }
  std::string list;
  for (const auto& [line, times] : lines)
    list += fmt::format("\n  {}{}", line, times > 1 ? fmt::format(" ({} times)", times) : "");
  QTK_CHECK(list.empty(), UnsupportedError, "[quantize] nodes that a program cannot hold:{}{}", list,
            merges_steps ? "\nWhere the input is [batch, ...], layout = frame says so." : "");
}

}  // namespace quantick::quant
