#include "quantick/quant/report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/boundary.h"
#include "quantick/runtime/session.h"

namespace quantick::quant {
namespace {

constexpr int kHistogramBins = 64;
// A tensor below this loses more than a tenth of its signal.
constexpr double kWeakSqnr = 10;
constexpr double kHighSaturation = 0.05, kSomeSaturation = 0.01;
// A node that keeps less than this of its own result, means removed, or loses more than this share of its updates, has
// stopped to compute what it should.
constexpr double kCollapsedSqnr = 6, kCollapsedDeadZone = 0.5;
// Nodes better than this need no advice.
constexpr double kAdviceBelow = 45;
constexpr size_t kMostAdvice = 3;

struct Pair {
  std::vector<double> reference, got;
};

Pair values_of(const Array& reference, const Array& got) {
  QTK_CHECK(reference.shape() == got.shape(), ShapeError, "[report] shapes, were {} and {}, expected equal ones",
            reference.shape().text(), got.shape().text());
  return {reference.to_vector<double>(), got.to_vector<double>()};
}

double mean_of(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return v.empty() ? 0 : sum / static_cast<double>(v.size());
}

/// Share of exact values that lie over half a step outside of the format: 8-bit codes span [-128, 127], 16-bit ones
/// stop at +-32767. Values that merely gather at an end, as those of GELU at its minimum, lose nothing.
double saturation_of(const Array& exact, const TensorFormat& format) {
  if (!format.quantized() || exact.size() == 0) return 0;
  const int32_t top = (1 << (format.width() - 1)) - 1, bottom = format.dtype == DType::i8 ? -top - 1 : -top;
  const double low = (bottom - 0.5 - format.zero_point) * format.scale;
  const double high = (top + 0.5 - format.zero_point) * format.scale;
  int64_t count = 0;
  for (const double v : exact.to_vector<double>()) count += v < low || v > high;
  return static_cast<double>(count) / static_cast<double>(exact.size());
}

int64_t parameter_bytes(const graph::Graph& graph) {
  int64_t bytes = 0;
  for (const graph::Value& v : graph.values())
    if (v.kind == graph::ValueKind::parameter) bytes += v.data.size() * dtype_size(v.data.dtype());
  return bytes;
}

}  // namespace

double sqnr_db(const Array& reference, const Array& got, bool remove_mean) {
  const Pair p = values_of(reference, got);
  const double m = remove_mean ? mean_of(p.reference) : 0, n = remove_mean ? mean_of(p.got) : 0;
  double signal = 0, noise = 0;
  for (size_t i = 0; i < p.got.size(); ++i) {
    const double r = p.reference[i] - m, e = r - (p.got[i] - n);
    signal += r * r;
    noise += e * e;
  }
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return signal == 0 ? 0 : 10 * std::log10(signal / noise);
}

double cosine_similarity(const Array& a, const Array& b) {
  const Pair p = values_of(a, b);
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < p.got.size(); ++i) {
    ab += p.reference[i] * p.got[i];
    aa += p.reference[i] * p.reference[i];
    bb += p.got[i] * p.got[i];
  }
  if (aa == 0 && bb == 0) return 1;
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa * bb);
}

namespace {

/// The float graph and the program on the same samples.
class Comparison {
 public:
  Comparison(const graph::Graph& graph, const Lowered& lowered, const Array& samples)
      : graph_(graph), lowered_(lowered), x_(with_missing_filled(samples, lowered.program.inputs[0].fill)) {
    graph.run(std::span(&x_, 1), [&](graph::ValueId id, const Array& value) { reference_[id] = value; });
    const runtime::Session session(lowered.program);
    session.run_all_codes(x_, &counters_);
    real_ = session.run_all(x_);
  }

  int64_t rows() const { return x_.shape()[lowered_.program.input().sequence ? 1 : 0]; }

  /// Errors of a program value; `node`: the program's node that makes it, or -1 for the input.
  void fill(int value, int node, TensorReport& t) const {
    const Array& want = reference_.at(lowered_.graph_values[value]);
    t.sqnr_db = sqnr_db(want, real_[value]);
    t.sqnr_mean_removed_db = sqnr_db(want, real_[value], true);
    t.cosine = cosine_similarity(want, real_[value]);
    const TensorFormat& format = lowered_.program.values[value].format;
    t.saturation = saturation_of(want, format);
    t.own_sqnr_db = t.sqnr_db;
    if (node < 0) return;
    const auto size = static_cast<double>(std::max<int64_t>(1, real_[value].size()));
    t.dead_zone = static_cast<double>(counters_[node].dead_zone) / size;
    t.inner_saturation = static_cast<double>(counters_[node].saturations) / size;
    const Array alone = node_alone(node);
    t.saturation = saturation_of(alone, format);
    t.own_sqnr_db = sqnr_db(alone, real_[value]);
    t.collapsed = sqnr_db(alone, real_[value], true) < kCollapsedSqnr || t.dead_zone > kCollapsedDeadZone;
  }

  /// What the float operator gives on the inputs that the program gave the node.
  Array node_alone(int node) const {
    const runtime::ProgramNode& of_program = lowered_.program.nodes[node];
    const int in_graph = lowered_.graph_nodes[node];
    if (in_graph < 0) return real_[of_program.inputs[0]];
    const graph::Node& of_graph = graph_.nodes()[in_graph];
    Arrays inputs;
    size_t next = 0;
    for (const graph::ValueId id : of_graph.inputs)
      inputs.push_back(id < 0                ? Array()
                       : is_data(graph_, id) ? real_[of_program.inputs[next++]]
                                             : graph_.value(id).data);
    return invoke(*of_graph.op, of_graph.attributes, inputs).at(0);
  }

  /// SQNR of a node's output if all the node did were to round its exact result to the output's format.
  double rounding_sqnr(int node) const {
    const int value = lowered_.program.nodes[node].output;
    const TensorFormat& format = lowered_.program.values[value].format;
    const Array exact = node_alone(node).contiguous();
    Array codes = Array::empty(exact.shape(), format.dtype), rounded = Array::empty(exact.shape());
    runtime::enter(exact.data<float>(), exact.size(), {}, format, codes.mutable_raw(), active_isa());
    runtime::leave(codes.raw(), codes.size(), format, rounded.mutable_data<float>(), active_isa());
    return sqnr_db(exact, rounded);
  }

 private:
  const graph::Graph& graph_;
  const Lowered& lowered_;
  Array x_;
  std::map<graph::ValueId, Array> reference_;
  std::vector<Array> real_;
  std::vector<NodeCounters> counters_;
};

void warn(const TensorReport& t, std::vector<std::string>& warnings) {
  if (t.collapsed)
    warnings.push_back(fmt::format(
        "{}: collapsed: of what it computes from its inputs {:.1f} dB are left{}", t.name, t.own_sqnr_db,
        t.dead_zone > 0 ? fmt::format(", and {:.0f} % of its state's updates are lost", 100 * t.dead_zone) : ""));
  else if (t.sqnr_db < kWeakSqnr)
    warnings.push_back(fmt::format("{}: SQNR {:.1f} dB; give it more bits or another range", t.name, t.sqnr_db));
  if (t.saturation > kHighSaturation)
    warnings.push_back(fmt::format("{}: {:.1f} % of its values saturate", t.name, 100 * t.saturation));
}

/// The nodes that add most noise of their own, each with the change that would help it.
std::vector<std::string> advise(const Lowered& lowered, const Comparison& comparison,
                                const std::vector<TensorReport>& by_node) {
  std::vector<size_t> order;
  for (size_t n = 0; n < by_node.size(); ++n)
    if (by_node[n].own_sqnr_db < kAdviceBelow && lowered.graph_nodes[n] >= 0) order.push_back(n);  // no conversions
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return by_node[a].own_sqnr_db < by_node[b].own_sqnr_db; });
  order.resize(std::min(order.size(), kMostAdvice));
  std::vector<std::string> out;
  for (const size_t n : order) {
    const TensorReport& t = by_node[n];
    const runtime::ProgramNode& node = lowered.program.nodes[n];
    const TensorFormat& format = lowered.program.values[node.output].format;
    const Precision& p = node.precision;
    std::string change = "keep the layer in float";
    if (p.state_bits < 24 || !p.gate_bits.empty())
      change = "keep its gates and state in float32";
    else if (t.saturation > kSomeSaturation)
      change = "widen its range (calib_mode naive, or ranges)";
    else if (format.quantized() && format.width() < 16 &&
             comparison.rounding_sqnr(static_cast<int>(n)) < t.own_sqnr_db + 3)
      change = fmt::format("give {}.output 16 bits", t.name);
    else if (!node.constants.empty() && integer_bits(p.weight_dtype) > 0 && integer_bits(p.weight_dtype) < 16)
      change = fmt::format("give {}.weight more bits{}", t.name,
                           p.granularity == "group-wise" ? "" : ", or group-wise scales");
    out.push_back(
        fmt::format("{} ({}) adds most noise, {:.1f} dB on its own: {}", t.name, t.op, t.own_sqnr_db, change));
  }
  return out;
}

}  // namespace

QuantizationReport make_report(const graph::Graph& graph, const Calibration& calibration, const Lowered& lowered,
                               const Array& samples) {
  const FloatMode mode;
  QuantizationReport report;
  const runtime::Program& program = lowered.program;
  std::optional<Comparison> comparison;
  if (samples.defined()) comparison.emplace(graph, lowered, samples);
  const auto describe = [&](int id, int node) {
    const TensorFormat& format = program.values[id].format;
    TensorReport t;
    t.name = lowered.names[id];
    if (node >= 0) t.op = program.nodes[node].op;
    if (node >= 0 && lowered.graph_nodes[node] >= 0) t.method = program.nodes[node].precision.method;
    t.dtype = format.name();
    t.scale = format.scale;
    t.zero_point = format.zero_point;
    if (calibration.has(lowered.graph_values[id])) {
      const Observer& observer = calibration.at(lowered.graph_values[id]);
      const auto chosen = lowered.ranges.find({lowered.graph_values[id], format.width()});
      const ObservedRange range =
          format.quantized() && chosen != lowered.ranges.end() ? chosen->second : observer.range();
      t.low = range.low, t.high = range.high;
      if (format.quantized() && chosen != lowered.ranges.end() && t.low == 0 && t.high == 0)
        report.warnings.push_back(
            fmt::format("{}: calibration saw nothing but 0, which leaves its scale at 1", t.name));
      t.observed = observer.histogram().observed(), t.missing = observer.histogram().missing();
      t.histogram_low = observer.histogram().low(), t.histogram_high = observer.histogram().high();
      t.histogram = observer.histogram().equal_bins(kHistogramBins);
    }
    if (comparison) {
      comparison->fill(id, node, t);
      warn(t, report.warnings);
    } else {
      t.sqnr_db = t.sqnr_mean_removed_db = t.cosine = t.saturation = t.own_sqnr_db = std::nan("");
    }
    return t;
  };
  report.tensors.push_back(describe(program.inputs[0].value, -1));
  for (size_t n = 0; n < program.nodes.size(); ++n)
    report.tensors.push_back(describe(program.nodes[n].output, static_cast<int>(n)));
  if (comparison) {
    report.advice = advise(lowered, *comparison, {report.tensors.begin() + 1, report.tensors.end()});
    report.compared_rows = comparison->rows();
  }
  if (calibration.missing() > 0)
    report.warnings.push_back(fmt::format("calibration skipped {} missing cells", calibration.missing()));
  report.calibration_rows = calibration.rows();
  report.float_bytes = parameter_bytes(graph);
  report.program_bytes = program.constant_bytes();
  return report;
}

void warn_of_narrow_states(QuantizationReport& report, const graph::Graph& graph, const Lowered& wide,
                           const Array& samples) {
  TensorReport t;
  const int output = wide.program.outputs[0].value;
  Comparison(graph, wide, samples).fill(output, static_cast<int>(wide.program.nodes.size()) - 1, t);
  report.warnings.push_back(fmt::format(
      "gates or states are narrower than float32: the output has {:.1f} dB, and {:.1f} dB with float32 gates and "
      "states, which is the default and the recommended split",
      report.tensors.back().sqnr_db, t.sqnr_db));
}

std::string QuantizationReport::text() const {
  size_t name_width = 6, op_width = 8;
  for (const TensorReport& t : tensors) {
    name_width = std::max(name_width, t.name.size());
    op_width = std::max(op_width, t.op.size());
  }
  std::string out = fmt::format("{:<{}} {:<{}} {:<8} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}\n",
                                "tensor", name_width, "operator", op_width, "type", "low", "high", "scale", "SQNR dB",
                                "centred", "own dB", "cosine", "saturated", "dead zone");
  for (const TensorReport& t : tensors)
    out += fmt::format(
        "{:<{}} {:<{}} {:<8} {:>10.4g} {:>10.4g} {:>10.4g} {:>8.1f} {:>8.1f} {:>8.1f} {:>9.6f} {:>8.3f}% {:>8.3f}%\n",
        t.name, name_width, t.op, op_width, t.dtype, t.low, t.high, t.scale, t.sqnr_db, t.sqnr_mean_removed_db,
        t.own_sqnr_db, t.cosine, 100 * t.saturation, 100 * t.dead_zone);
  out += fmt::format("parameters {} bytes in float32, {} bytes quantized; {} rows of calibration data, {} compared\n",
                     float_bytes, program_bytes, calibration_rows, compared_rows);
  for (const FloatNode& n : float_nodes) out += fmt::format("stays float: {} ({}): {}\n", n.name, n.op, n.reason);
  for (const CorrectionNote& n : corrections)
    out += n.skipped ? fmt::format("{}: {}: {}\n", n.correction, n.layer, n.what)
                     : fmt::format("{}: {}: {} {:.4g} -> {:.4g}\n", n.correction, n.layer, n.what, n.before, n.after);
  for (const std::string& a : advice) out += "change first: " + a + "\n";
  for (const std::string& w : warnings) out += "warning: " + w + "\n";
  return out;
}

}  // namespace quantick::quant
