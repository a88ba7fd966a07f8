#include "quantick/quant/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/ops/code_clamp.h"
#include "quantick/quant/correction_graph.h"
#include "quantick/runtime/program_builder.h"

namespace quantick::quant {
namespace {

using Kind = IntegerForm::Kind;
using Output = IntegerForm::OutputFormat;

enum class Head { no, real, wide };

/// Concat and stack: the output has to hold the values of every input.
bool joins_tensors(const graph::Node& node) { return keeps_format(node) && node.op->integer.data_inputs == kAllInputs; }

/// The nodes that give a value its format, several behind a join; kInput for the model's input. True: a pointwise node
/// lies between.
constexpr int kInput = -1;
std::map<int, bool> format_sources(const graph::Graph& graph, graph::ValueId value) {
  std::map<int, bool> sources;
  std::map<graph::ValueId, bool> seen;
  const std::function<void(graph::ValueId, bool)> visit = [&](graph::ValueId id, bool rounded) {
    if (!is_data(graph, id)) return;
    if (const auto [known, fresh] = seen.emplace(id, rounded); !fresh) {
      if (known->second || !rounded) return;
      known->second = true;
    }
    const int index = graph.value(id).kind == graph::ValueKind::result ? graph.value(id).node : kInput;
    if (index == kInput || !keeps_format(graph.nodes()[index])) {
      sources[index] = sources[index] || rounded;
      return;
    }
    const graph::Node& node = graph.nodes()[index];
    const size_t count = joins_tensors(node) ? node.inputs.size() : 1;
    for (size_t i = 0; i < count; ++i) visit(node.inputs[i], rounded || node.op->integer.kind == Kind::pointwise);
  };
  visit(value, false);
  return sources;
}

/// A format that holds the values of all: float32 where one is; else of the most bits that one has, that of the first
/// which holds the others, or one of their common range.
TensorFormat joined_format(const std::vector<TensorFormat>& all, FormatChoice choice) {
  for (const TensorFormat& f : all)
    if (!f.quantized()) return all == std::vector(all.size(), f) ? f : TensorFormat{};
  const auto range = [](const TensorFormat& f) {
    const double half = std::ldexp(1.0, f.width() - 1), scale = f.scale;
    return ObservedRange{(-half - f.zero_point) * scale, (half - 1 - f.zero_point) * scale};
  };
  ObservedRange common = range(all[0]);
  choice.bits = 0;
  for (const TensorFormat& f : all) {
    common = {std::min(common.low, range(f).low), std::max(common.high, range(f).high)};
    choice.bits = std::max(choice.bits, f.width());
  }
  for (const TensorFormat& f : all)
    if (f.width() == choice.bits && range(f).low == common.low && range(f).high == common.high) return f;
  return choose_format(common, choice);
}

/// What each node owes to the output: its float32 sums, or 16 bits where a rounding operator follows. With "auto" what
/// the head reads has 16 bits as well: scores are small differences of large terms, and 8-bit steps drown them.
std::vector<Head> head_of(const graph::Graph& graph, const QuantizationConfig& config) {
  std::vector<Head> heads(graph.nodes().size(), Head::no);
  std::map<int, bool> sources = format_sources(graph, graph.outputs()[0]);
  sources.erase(kInput);
  for (const auto& [head, rounded] : sources)
    heads[head] = config.output_dtype == "float32" && !rounded ? Head::real : Head::wide;
  if (config.quantized_dtype != "auto") return heads;
  for (const auto& [head, rounded] : sources) {
    const graph::Node& node = graph.nodes()[head];
    for (int i = 0; i < data_input_count(node.op->integer, node.inputs.size()); ++i)
      if (is_data(graph, node.inputs[i]))
        for (const auto& [source, between] : format_sources(graph, node.inputs[i]))
          if (source != kInput) heads[source] = Head::wide;
  }
  return heads;
}

/// Whether a value goes nowhere but into this join, through nodes that keep its format.
bool read_by_join_alone(const graph::Graph& graph, graph::ValueId value, int join) {
  if (is_output(graph, value)) return false;
  const std::vector<int> all = readers(graph, value);
  return std::all_of(all.begin(), all.end(), [&](int reader) {
    const graph::Node& node = graph.nodes()[reader];
    return reader == join || (keeps_format(node) && read_by_join_alone(graph, node.outputs[0], join));
  });
}

/// Channels of a tensor: its shape without steps and batch.
Shape channels_of(const Shape& shape, bool sequence) {
  Shape out;
  for (int axis = sequence ? 2 : 1; axis < shape.ndim(); ++axis) out.push_back(shape[axis]);
  return out;
}

/// The nearest value that the format holds.
float on_grid(float x, const TensorFormat& format) {
  if (!format.quantized()) return x;
  const int32_t top = 1 << (format.width() - 1);
  return static_cast<float>(std::clamp(code_of(x, format), -top, top - 1) - format.zero_point) * format.scale;
}

TensorFormat float_format(const std::string& dtype) {
  TensorFormat format;
  if (dtype == "bf16") format.grid = FloatGrid::bf16;
  if (dtype == "fp16") format.grid = FloatGrid::fp16;
  return format;
}

class Lowering {
 public:
  Lowering(const graph::Graph& graph, const Calibration& calibration, const QuantizationConfig& config,
           const LayerMarks& marks)
      : graph_(graph), calibration_(calibration), config_(config), plan_(plan_nodes(graph, config, marks)) {}

  Lowered run() {
    refuse_impossible(plan_.float_nodes);
    add_input();
    heads_ = head_of(graph_, config_);
    share_formats_of_joins();
    for (size_t n = 0; n < graph_.nodes().size(); ++n) add_node(n);
    check_ranges();
    const graph::ValueId output = graph_.outputs()[0];
    out_.program = builder_.finish(ids_.at(output), graph_.value(output).name);
    out_.ranges = std::move(chosen_);
    return std::move(out_);
  }

 private:
  /// A calibrated format; `tensor` as rules name it.
  TensorFormat calibrated(graph::ValueId value, const std::string& tensor, int bits) const {
    const bool symmetric = config_.activation_scheme == "symmetric" || bits > 8;
    ObservedRange range = calibration_.at(value).range_for(bits, symmetric);
    if (const ObservedRange* given = calibration_.given(tensor)) range = *given;
    for (const RangeRule& rule : config_.ranges)
      if (matches_pattern(tensor, rule.match)) range = {rule.low, rule.high};
    chosen_[{value, bits}] = range;
    if (std::find(ranged_.begin(), ranged_.end(), tensor) == ranged_.end()) ranged_.push_back(tensor);
    return choose_format(range, {.bits = bits, .symmetric = symmetric, .power_of_two = config_.power_of_two});
  }

  bool has_static_format(size_t n) const {
    return plan_.nodes[n].precision.method == "static" && plan_.nodes[n].float_reason.empty();
  }

  /// What calibration gives the output of a node.
  TensorFormat calibrated_output(size_t n) const {
    return calibrated(graph_.nodes()[n].outputs[0], plan_.nodes[n].name + ".output",
                      heads_[n] == Head::no ? config_.activation_bits() : 16);
  }

  /// Whether calibration alone chooses the format of the output: no rule does.
  bool free_to_choose(size_t n) const {
    const NodePlan& plan = plan_.nodes[n];
    const graph::Node& node = graph_.nodes()[n];
    return has_static_format(n) && chooses_format(node) && node.op->integer.output == Output::calibrated &&
           plan.output_dtype.empty() &&
           std::none_of(config_.ranges.begin(), config_.ranges.end(),
                        [&](const RangeRule& rule) { return matches_pattern(plan.name + ".output", rule.match); });
  }

  TensorFormat joined(const std::vector<TensorFormat>& all) const {
    return joined_format(all,
                         {.symmetric = config_.activation_scheme == "symmetric", .power_of_two = config_.power_of_two});
  }

  /// What a join alone reads is rounded once, to the format of the join, instead of to a finer one ahead of it.
  void share_formats_of_joins() {
    for (size_t join = graph_.nodes().size(); join-- > 0;) {  // the last one first: a join may be read by another
      const graph::ValueId result = graph_.nodes()[join].outputs[0];
      if (!joins_tensors(graph_.nodes()[join])) continue;
      const std::map<int, bool> sources = format_sources(graph_, result);
      std::vector<TensorFormat> formats;
      std::vector<size_t> alone;
      for (const auto& [source, between] : sources) {
        if (source == kInput) {
          formats.push_back(builder_.value(ids_.at(graph_.inputs()[0])).format);
          continue;
        }
        const auto n = static_cast<size_t>(source);
        if (const auto known = shared_.find(n); known != shared_.end()) {
          formats.push_back(known->second);
        } else if (free_to_choose(n)) {
          formats.push_back(calibrated_output(n));
          if (read_by_join_alone(graph_, graph_.nodes()[n].outputs[0], static_cast<int>(join))) alone.push_back(n);
        }
      }
      if (formats.size() < sources.size()) continue;
      const TensorFormat format = joined(formats);
      if (!format.quantized()) continue;
      shared_[join] = format;
      for (const size_t n : alone)
        if (calibrated_output(n).width() == format.width()) shared_[n] = format;
    }
  }

  void check_ranges() const {
    for (const RangeRule& rule : config_.ranges)
      QTK_CHECK(std::any_of(ranged_.begin(), ranged_.end(),
                            [&](const auto& tensor) { return matches_pattern(tensor, rule.match); }),
                ValueError, "[quantize] the range for \"{}\" meets no tensor whose range can be chosen; these can: {}",
                rule.match, fmt::join(ranged_, ", "));
  }

  TensorFormat format_for(const std::string& dtype, graph::ValueId value, const std::string& tensor) const {
    const int bits = integer_bits(dtype);
    return bits > 0 ? calibrated(value, tensor, bits) : float_format(dtype);
  }

  /// Whether the input must reach its readers as float32: identifiers of an embedding cannot be rounded, and where no
  /// layer wants integers none are made.
  bool input_stays_float() const {
    bool integers = false, identifiers = false;
    std::set<graph::ValueId> seen;
    const std::function<void(graph::ValueId)> visit = [&](graph::ValueId value) {
      if (!seen.insert(value).second) return;
      for (size_t n = 0; n < graph_.nodes().size(); ++n) {
        const graph::Node& node = graph_.nodes()[n];
        if (std::find(node.inputs.begin(), node.inputs.end(), value) == node.inputs.end()) continue;
        const Precision& precision = plan_.nodes[n].precision;
        if (node.op->name == "embedding") {
          identifiers = true;
        } else if (keeps_format(node)) {
          visit(node.outputs[0]);
        } else if (plan_.nodes[n].float_reason.empty() && precision.method == "static") {
          integers = true;
        }
      }
    };
    visit(graph_.inputs()[0]);
    return identifiers || !integers;
  }

  void add_input() {
    const graph::ValueId id = graph_.inputs()[0];
    const graph::Value& x = graph_.value(id);
    const bool sequence = plan_.sequence[id];
    QTK_CHECK(x.type.shape.ndim() >= (sequence ? 2 : 1), UnsupportedError,
              "[quantize] input of the model, was {}, expected [steps, batch, ...] or [batch, ...]",
              x.type.shape.text());
    TensorFormat format;
    if (!plan_.input_dtype.empty())
      format = format_for(plan_.input_dtype, id, "input");
    else if (config_.input_bits() > 0 && !input_stays_float())
      format = calibrated(id, "input", config_.input_bits());
    ids_[id] = builder_.add_input(x.name, format, channels_of(x.type.shape, sequence), sequence);
    out_.graph_values.push_back(id);
    out_.names.push_back("input");
    builder_.input().missing = runtime::missing_policy_from_name(config_.missing);
    builder_.input().fill = on_grid(static_cast<float>(config_.fill_value), format);
  }

  /// The value in the other kind of format, through a conversion node that all its readers share.
  int converted(graph::ValueId value, const TensorFormat& format) {
    const int from = ids_.at(value);
    const auto key = std::pair(from, format.quantized());
    if (const auto known = conversions_.find(key); known != conversions_.end()) return known->second;
    runtime::NodeSpec spec{.layer = out_.names[from],
                           .name = fmt::format("{}.{}", graph_.value(value).name, format.name())};
    spec.inputs = {from};
    spec.channels = builder_.value(from).channels;
    spec.output = format;
    const int id = builder_.add_node(find_operator("identity"), spec);
    out_.graph_values.push_back(value);
    out_.names.push_back(fmt::format("{} as {}", out_.names[from], format.name()));
    out_.graph_nodes.push_back(-1);
    return conversions_[key] = id;
  }

  std::string tensor_name(graph::ValueId value) const {
    const graph::Value& v = graph_.value(value);
    return v.kind == graph::ValueKind::input ? "input" : plan_.nodes[v.node].name + ".output";
  }

  /// The data inputs of a node in the kind of format that its method reads.
  std::vector<int> data_inputs(const graph::Node& node, const Precision& precision) {
    std::vector<graph::ValueId> values;
    for (int i = 0; i < data_input_count(node.op->integer, node.inputs.size()); ++i)
      if (is_data(graph_, node.inputs[i])) values.push_back(node.inputs[i]);
    const auto quantized = [&](graph::ValueId v) { return builder_.value(ids_.at(v)).format.quantized(); };
    const bool all_integers = std::all_of(values.begin(), values.end(), quantized);
    std::vector<int> out;
    for (const graph::ValueId value : values) {
      int id = ids_.at(value);
      if (node.op->integer.reads_integers) {
        if (precision.method == "static" && !quantized(value))
          id = converted(value, calibrated(value, tensor_name(value), config_.activation_bits()));
        else if (quantized(value) && (precision.real() || (precision.dynamic() && !all_integers)))
          id = converted(value, TensorFormat{});
      }
      out.push_back(id);
    }
    return out;
  }

  void add_node(size_t n) {
    const graph::Node& node = graph_.nodes()[n];
    const NodePlan& plan = plan_.nodes[n];
    const IntegerForm& form = node.op->integer;
    const graph::ValueId result = node.outputs[0];
    runtime::NodeSpec spec{.attributes = node.attributes, .layer = node.layer, .name = graph_.value(result).name};
    spec.precision = plan.precision;
    if (form.state_range && spec.precision.state_bits < 24) {
      const double range = calibration_.state_range(static_cast<int>(n));
      spec.precision.state_top = range > 0 ? std::exp2(std::floor(std::log2(range)) + 1) : 1.0;
    }
    spec.inputs = data_inputs(node, plan.precision);
    const int count = data_input_count(form, node.inputs.size());
    const bool constants_among_data = static_cast<int>(spec.inputs.size()) < count;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (static_cast<int>(i) < count && !constants_among_data) continue;
      const bool constant = node.inputs[i] >= 0 && !is_data(graph_, node.inputs[i]);
      spec.parameters.push_back(constant ? graph_.value(node.inputs[i]).data : Array());
    }
    spec.channels = channels_of(graph_.value(result).type.shape, plan_.sequence[result]);
    TensorFormat first, second;
    if (joins_tensors(node)) {
      std::vector<TensorFormat> formats;
      for (const int id : spec.inputs) formats.push_back(builder_.value(id).format);
      first = second = shared_.contains(n) ? shared_.at(n) : joined(formats);
    }
    if (chooses_format(node)) {
      const std::string tensor = plan.name + ".output";
      if (!plan.output_dtype.empty()) {
        first = second = format_for(plan.output_dtype, result, tensor);
      } else if (has_static_format(n)) {
        second = shared_.contains(n) ? shared_.at(n) : calibrated_output(n);
        first = heads_[n] == Head::real ? TensorFormat{} : second;
      }
    }
    ids_[result] = add_either(*node.op, std::move(spec), first, second);
    out_.graph_values.push_back(result);
    out_.names.push_back(plan.name);
    out_.graph_nodes.push_back(static_cast<int>(n));
  }

  /// Adds the node with the wanted output, or with the second choice where its form does not have the first.
  int add_either(const Operator& op, runtime::NodeSpec spec, const TensorFormat& first, const TensorFormat& second) {
    spec.output = first;
    if (first == second) return builder_.add_node(op, spec);
    try {
      return builder_.add_node(op, spec);
    } catch (const UnsupportedError&) {
      spec.output = second;
      return builder_.add_node(op, spec);
    }
  }

  const graph::Graph& graph_;
  const Calibration& calibration_;
  const QuantizationConfig& config_;
  GraphPlan plan_;
  runtime::ProgramBuilder builder_;
  std::vector<Head> heads_;
  std::map<size_t, TensorFormat> shared_;  ///< by node: joins, and what they alone read
  std::map<graph::ValueId, int> ids_;
  mutable std::vector<std::string> ranged_;  ///< tensors that took a range from calibration, as rules name them
  mutable std::map<std::pair<graph::ValueId, int>, ObservedRange> chosen_;
  std::map<std::pair<int, bool>, int> conversions_;
  Lowered out_;
};

}  // namespace

Lowered lower(const graph::Graph& graph, const Calibration& calibration, const QuantizationConfig& config,
              const LayerMarks& marks) {
  const FloatMode mode;
  return Lowering(graph, calibration, config, marks).run();
}

}  // namespace quantick::quant
