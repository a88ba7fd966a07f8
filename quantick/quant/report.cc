#include "quantick/quant/report.h"

#include <cmath>
#include <limits>
#include <map>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/session.h"

namespace quantick::quant {
namespace {

constexpr int kHistogramBins = 64;
// A tensor below this loses more than a tenth of its signal.
constexpr double kWeakSqnr = 10;
constexpr double kHighSaturation = 0.05;

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

/// Share of codes at either end: 8-bit codes span [-128, 127], hidden states and 16-bit ones stop at +-32767.
double saturation_of(const Array& codes) {
  if (codes.dtype() == DType::f32 || codes.size() == 0) return 0;
  const std::vector<int32_t> q = codes.astype(DType::i32).to_vector<int32_t>();
  const int32_t top = codes.dtype() == DType::i8 ? 127 : 32767;
  int64_t count = 0;
  for (const int32_t v : q) count += v >= top || v <= (codes.dtype() == DType::i8 ? -top - 1 : -top);
  return static_cast<double>(count) / static_cast<double>(q.size());
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

QuantizationReport make_report(const graph::Graph& graph, const Calibration& calibration, const Lowered& lowered,
                               const Array& samples) {
  const FloatMode mode;
  QuantizationReport report;
  const runtime::Program& program = lowered.program;
  const Array x = with_missing_filled(samples, program.inputs[0].fill);
  std::map<graph::ValueId, Array> reference;
  graph.run(std::span(&x, 1), [&](graph::ValueId id, const Array& value) { reference[id] = value; });
  const runtime::Session session(program);
  const std::vector<Array> codes = session.run_all_codes(x), real = session.run_all(x);

  std::map<std::string, int> seen;
  const auto add = [&](int id, const std::string& layer, const std::string& op) {
    const graph::ValueId in_graph = lowered.graph_values[id];
    const Observer& observer = calibration.at(in_graph);
    const TensorFormat& format = program.values[id].format;
    const int times = ++seen[layer];
    TensorReport t;
    t.name = times == 1 ? layer : fmt::format("{}.{}", layer, times);
    t.op = op;
    t.dtype = dtype_name(format.dtype);
    t.scale = format.scale;
    t.zero_point = format.zero_point;
    t.low = observer.range().low, t.high = observer.range().high;
    t.sqnr_db = sqnr_db(reference.at(in_graph), real[id]);
    t.sqnr_mean_removed_db = sqnr_db(reference.at(in_graph), real[id], true);
    t.cosine = cosine_similarity(reference.at(in_graph), real[id]);
    t.saturation = saturation_of(codes[id]);
    t.observed = observer.histogram().observed(), t.missing = observer.histogram().missing();
    t.histogram_low = observer.histogram().low(), t.histogram_high = observer.histogram().high();
    t.histogram = observer.histogram().equal_bins(kHistogramBins);
    if (t.sqnr_db < kWeakSqnr)
      report.warnings.push_back(
          fmt::format("{}: SQNR {:.1f} dB; give it more bits or another range", t.name, t.sqnr_db));
    if (t.saturation > kHighSaturation)
      report.warnings.push_back(fmt::format("{}: {:.1f} % of its values saturate", t.name, 100 * t.saturation));
    report.tensors.push_back(std::move(t));
  };
  add(program.inputs[0].value, "input", "");
  for (const runtime::ProgramNode& node : program.nodes)
    add(node.output, node.layer.empty() ? node.op : node.layer, node.op);
  if (calibration.missing() > 0)
    report.warnings.push_back(fmt::format("calibration skipped {} missing cells", calibration.missing()));
  report.calibration_rows = calibration.rows();
  report.compared_rows = x.shape()[program.input().sequence ? 1 : 0];
  report.float_bytes = parameter_bytes(graph);
  report.program_bytes = program.constant_bytes();
  return report;
}

std::string QuantizationReport::text() const {
  std::string out = fmt::format("{:<24} {:<14} {:<8} {:>10} {:>10} {:>9} {:>9} {:>9} {:>10}\n", "tensor", "operator",
                                "type", "low", "high", "SQNR dB", "centred", "cosine", "saturated");
  for (const TensorReport& t : tensors)
    out += fmt::format("{:<24} {:<14} {:<8} {:>10.4g} {:>10.4g} {:>9.1f} {:>9.1f} {:>9.6f} {:>9.3f}%\n", t.name, t.op,
                       t.dtype, t.low, t.high, t.sqnr_db, t.sqnr_mean_removed_db, t.cosine, 100 * t.saturation);
  out += fmt::format("parameters {} bytes in float32, {} bytes quantized; {} rows of calibration data, {} compared\n",
                     float_bytes, program_bytes, calibration_rows, compared_rows);
  for (const FloatNode& n : float_nodes)
    out += fmt::format("stays float: {} (layer \"{}\"): {}\n", n.op, n.layer, n.reason);
  for (const std::string& w : warnings) out += "warning: " + w + "\n";
  return out;
}

}  // namespace quantick::quant
