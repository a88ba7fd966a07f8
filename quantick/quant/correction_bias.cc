#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "quantick/ops/lowering.h"
#include "quantick/quant/correction_graph.h"
#include "quantick/quant/corrections.h"
#include "quantick/quant/lowering.h"
#include "quantick/runtime/session.h"

namespace quantick::quant {
namespace {

constexpr int64_t kRows = 512;
// A bias moves what later layers and later steps read, so that errors are measured again. The last round only measures.
constexpr int kRounds = 9;
// Earlier changes that the next one learns from.
constexpr size_t kMemory = 4;
// Of the largest diagonal element: keeps nearly equal changes from being told apart.
constexpr double kRidge = 1e-9;

using Means = std::vector<double>;

void add(Means& sum, const Means& more, double weight = 1) {
  sum.resize(more.size(), 0.0);
  for (size_t i = 0; i < more.size(); ++i) sum[i] += weight * more[i];
}

double largest(const Means& means) {
  double out = 0;
  for (const double m : means) out = std::max(out, std::abs(m));
  return out;
}

/// sum_k W[r, k] * x[k] by rows.
Means product(const Array& weight, const Means& x) {
  const std::vector<double> w = weight.to_vector<double>();
  Means out(w.size() / x.size(), 0.0);
  for (size_t i = 0; i < w.size(); ++i) out[i / x.size()] += w[i] * x[i % x.size()];
  return out;
}

/// Means of a tensor per channel over several runs of different size.
class MeanOf {
 public:
  void add(const Array& values, int axis) {
    const auto count = static_cast<double>(values.size() / values.shape()[axis]);
    quant::add(sum_, channel_means(values, axis), count);
    count_ += count;
  }
  Means mean() const {
    Means out = sum_;
    for (double& m : out) m /= count_;
    return out;
  }

 private:
  Means sum_;
  double count_ = 0;
};

/// Anderson mixing (1965) for the biases of a recurrent layer. Taking the error off them is not enough where the state
/// feeds back: the same change then moves the error by far less, or too far.
class Mixing {
 public:
  /// What to add to the biases, given their error as they are.
  Means change(const Means& error) {
    if (!error_.empty()) {
      Means moved = error;
      add(moved, error_, -1);
      changes_.push_back(change_), moves_.push_back(moved);
      if (moves_.size() > kMemory) changes_.erase(changes_.begin()), moves_.erase(moves_.begin());
    }
    Means out(error.size(), 0.0);
    add(out, error, -1);
    const std::vector<double> shares = least_squares(error);
    for (size_t j = 0; j < shares.size(); ++j) {
      add(out, changes_[j], -shares[j]);
      add(out, moves_[j], shares[j]);
    }
    error_ = error, change_ = out;
    return out;
  }

 private:
  /// Shares of the moves whose sum comes closest to the error.
  std::vector<double> least_squares(const Means& error) const {
    const size_t n = moves_.size();
    const auto dot = [](const Means& a, const Means& b) {
      return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    std::vector<std::vector<double>> a(n, std::vector<double>(n + 1));
    double most = 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) a[i][j] = dot(moves_[i], moves_[j]);
      a[i][n] = dot(moves_[i], error);
      most = std::max(most, a[i][i]);
    }
    if (most == 0) return {};
    // Symmetric and positive: elimination needs no pivots.
    for (size_t i = 0; i < n; ++i) a[i][i] += kRidge * most;
    for (size_t i = 0; i < n; ++i)
      for (size_t r = i + 1; r < n; ++r) {
        const double factor = a[r][i] / a[i][i];
        for (size_t c = i; c <= n; ++c) a[r][c] -= factor * a[i][c];
      }
    std::vector<double> out(n);
    for (size_t i = n; i-- > 0;) {
      out[i] = a[i][n];
      for (size_t c = i + 1; c < n; ++c) out[i] -= a[i][c] * out[c];
      out[i] /= a[i][i];
    }
    return out;
  }

  Means error_, change_;
  std::vector<Means> changes_, moves_;
};

/// What the recurrent product reads of hidden states y [steps, batch, units]: those of the step before, and zeros
/// first.
Array read_hidden(const Array& y, int64_t bits) {
  Array out = Array::zeros(y.shape());
  const int64_t step = y.shape()[1] * y.shape()[2];
  const float* from = y.data<float>();
  float* to = out.mutable_data<float>() + step;
  for (int64_t i = 0; i + step < y.size(); ++i) {
    const double q = std::floor((static_cast<double>(from[i]) * 32768 + 128) / 256);
    to[i] = bits == 8 ? static_cast<float>(std::min(q, 127.0) / 128) : from[i];
  }
  return out;
}

/// Means of what a node's products read and, of linear layers, of what it gives.
struct NodeMeans {
  MeanOf x, h, y;
};

class Correction {
 public:
  Correction(const graph::Graph& graph, const graph::Graph& reference, const CalibrationData& data,
             const QuantizationConfig& config, const LayerMarks& marks)
      : out_(graph),
        reference_(reference),
        data_(data),
        config_(config),
        marks_(marks),
        plan_(plan_nodes(graph, config, marks)),
        samples_(sampled_rows(graph, data, config, kRows)) {
    for (size_t n = 0; n < graph.nodes().size(); ++n) {
      const graph::Node& node = graph.nodes()[n];
      if (plan_.nodes[n].float_reason.empty() && (is_linear(graph, node) || is_recurrent(graph, node)))
        nodes_.push_back(static_cast<int>(n));
    }
    for (const Array& rows : samples_) observe_reference(rows);
  }

  graph::Graph run(std::vector<CorrectionNote>& notes) {
    std::map<int, double> before, after;
    for (int round = 0; round < kRounds; ++round) {
      const std::map<int, NodeMeans> got = run_program();
      for (const int n : nodes_) {
        const bool recurrent = is_recurrent(out_, out_.nodes()[n]);
        const double error = recurrent ? correct_recurrent(n, got.at(n), round + 1 < kRounds)
                                       : correct_linear(n, got.at(n), round + 1 < kRounds);
        if (round == 0) before[n] = error;
        after[n] = error;
      }
    }
    for (const int n : nodes_)
      notes.push_back({"bias_correction", note_name(out_, n),
                       is_recurrent(out_, out_.nodes()[n]) ? "largest mean error of a gate before its activation"
                                                           : "largest mean error of an output channel",
                       before[n], after[n]});
    return out_;
  }

 private:
  void observe_reference(const Array& rows) {
    reference_.run(std::span(&rows, 1), [&](graph::ValueId id, const Array& value) {
      for (const int n : nodes_) {
        const graph::Node& node = out_.nodes()[n];
        if (id == node.inputs[0] && is_recurrent(out_, node)) expected_[n].x.add(value, -1);
        if (id != node.outputs[0]) continue;
        expected_[n].y.add(value, output_axis(out_, node));
        if (is_recurrent(out_, node)) expected_[n].h.add(read_hidden(value.contiguous(), 16), -1);
      }
    });
  }

  std::map<int, NodeMeans> run_program() const {
    const Lowered lowered = lower(out_, calibrate(out_, data_, config_), config_, marks_);
    const runtime::Session session(lowered.program);
    std::map<int, NodeMeans> out;
    for (const Array& rows : samples_) {
      const std::vector<Array> values = session.run_all(rows);
      for (size_t k = 0; k < lowered.graph_nodes.size(); ++k) {
        const int n = lowered.graph_nodes[k];
        if (std::find(nodes_.begin(), nodes_.end(), n) == nodes_.end()) continue;
        const runtime::ProgramNode& node = lowered.program.nodes[k];
        const Array &x = values[node.inputs[0]], &y = values[node.output];
        out[n].y.add(y, output_axis(out_, out_.nodes()[n]));
        if (!is_recurrent(out_, out_.nodes()[n])) continue;
        out[n].x.add(x, -1);
        out[n].h.add(read_hidden(y.contiguous(), plan_.nodes[n].precision.hidden_bits), -1);
      }
    }
    return out;
  }

  void add_to_bias(int n, size_t input, std::span<const double> change) {
    const Array bias = parameter_at(out_, out_.nodes()[n], input);
    std::vector<float> values = bias.defined() ? bias.to_vector<float>() : std::vector<float>(change.size(), 0.0f);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(static_cast<double>(values[i]) + change[i]);
    out_.set_parameter(n, input, Array::from(values));
  }

  double correct_linear(int n, const NodeMeans& got, bool change) {
    Means error = got.y.mean();
    add(error, expected_.at(n).y.mean(), -1);
    if (change) {
      Means off(error.size(), 0.0);
      add(off, error, -1);
      add_to_bias(n, kBiasInput, off);
    }
    return largest(error);
  }

  /// Error of the product of one input, its bias included, by rows of the gates.
  Means product_error(int n, size_t weight_input, size_t bias_input, const MeanOf& got, const MeanOf& expected) const {
    const graph::Node &node = out_.nodes()[n], &original = reference_.nodes()[n];
    const Precision& precision = plan_.nodes[n].precision;
    const Array weight = parameter_at(out_, node, weight_input);
    const int64_t units = parameter_at(out_, node, kWeightInput + 1).shape()[1], gates = weight.shape()[0] / units;
    const WeightForm form = gate_weight_form(precision, gates, units, note_name(node));
    const QuantizedWeight q = quantize_weight(weight, form, {}, 1, note_name(node));
    Means error = product(dequantize_weight(q.values, q.scale_array(q.scales), precision.group_size), got.mean());
    add(error, product(parameter_at(reference_, original, weight_input), expected.mean()), -1);
    add(error, parameter_at(out_, node, bias_input).to_vector<double>());
    add(error, parameter_at(reference_, original, bias_input).to_vector<double>(), -1);
    return error;
  }

  double correct_recurrent(int n, const NodeMeans& got, bool change) {
    const NodeMeans& expected = expected_.at(n);
    Means of_x = product_error(n, kWeightInput, kGateBiasInput, got.x, expected.x);
    Means of_h = product_error(n, kWeightInput + 1, kInnerBiasInput, got.h, expected.h);
    // The candidate of a GRU multiplies its recurrent product by a gate: that part has a bias of its own.
    const size_t joined = out_.nodes()[n].op->name == "gru" ? of_h.size() / 3 * 2 : of_h.size();
    for (size_t i = 0; i < joined; ++i) of_x[i] += of_h[i], of_h[i] = 0;
    Means error = of_x;
    error.insert(error.end(), of_h.begin(), of_h.end());
    if (change) {
      const Means both = mixing_[n].change(error);
      add_to_bias(n, kGateBiasInput, std::span(both).first(of_x.size()));
      add_to_bias(n, kInnerBiasInput, std::span(both).subspan(of_x.size()));
    }
    return largest(error);
  }

  graph::Graph out_;
  const graph::Graph& reference_;
  const CalibrationData& data_;
  const QuantizationConfig& config_;
  const LayerMarks& marks_;
  GraphPlan plan_;
  std::vector<Array> samples_;
  std::vector<int> nodes_;
  std::map<int, NodeMeans> expected_;
  std::map<int, Mixing> mixing_;
};

}  // namespace

graph::Graph correct_biases(const graph::Graph& graph, const graph::Graph& reference, const CalibrationData& data,
                            const QuantizationConfig& config, std::vector<CorrectionNote>& notes,
                            const LayerMarks& marks) {
  return Correction(graph, reference, data, config, marks).run(notes);
}

}  // namespace quantick::quant
