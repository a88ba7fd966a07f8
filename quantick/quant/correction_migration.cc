#include <algorithm>
#include <cmath>
#include <map>

#include "quantick/quant/correction_graph.h"
#include "quantick/quant/corrections.h"

namespace quantick::quant {
namespace {

constexpr double kAlpha = 0.5;
constexpr int64_t kRows = 512;
constexpr double kLargestFactor = 0x1p20;

/// A tensor whose readers all multiply it, and the node that can divide its channels.
struct Site {
  graph::ValueId value;
  int axis;
  std::vector<int> layers;
  int source = -1;  ///< -1: none, for `reason`
  std::string reason;
};

bool is_normalization(const graph::Graph& graph, const graph::Node& node) {
  const bool known = node.op->name == "layer_norm" || node.op->name == "rms_norm";
  const Array gamma = parameter_at(graph, node, 1);
  return known && gamma.defined() && gamma.dtype() == DType::f32;
}

/// Walks up to what makes the tensor. Everything on the way is read once, or others would see the scales.
void find_source(const graph::Graph& graph, Site& site) {
  graph::ValueId value = site.value;
  size_t uses = site.layers.size();
  for (;;) {
    if (graph.value(value).kind != graph::ValueKind::result) {
      site.reason = "the model's input";
      return;
    }
    const graph::Node& node = graph.nodes()[graph.value(value).node];
    if (is_output(graph, value) || readers(graph, value).size() != uses) {
      site.reason = "other readers of " + note_name(node);
      return;
    }
    if ((is_linear(graph, node) && output_axis(graph, node) == site.axis) ||
        (is_normalization(graph, node) && site.axis == -1)) {
      site.source = graph.value(value).node;
      return;
    }
    if (!keeps_scales(node)) {
      site.reason = node.op->name;
      return;
    }
    value = node.inputs[0];
    uses = 1;
  }
}

std::vector<Site> find_sites(const graph::Graph& graph) {
  std::map<graph::ValueId, Site> sites;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    if (!is_linear(graph, node) && !is_recurrent(graph, node)) continue;
    Site& site = sites[node.inputs[0]];
    site.value = node.inputs[0];
    const int axis = input_axis(graph, node);
    if (axis == 0 || (!site.layers.empty() && axis != site.axis)) site.reason = "columns that share channels";
    site.axis = axis;
    site.layers.push_back(static_cast<int>(n));
  }
  std::vector<Site> out;
  for (auto& [value, site] : sites) {
    if (site.reason.empty()) find_source(graph, site);
    out.push_back(site);
  }
  return out;
}

/// Largest over median: what a scale for the whole tensor costs the ordinary channel.
double unevenness(std::vector<double> maxima) {
  std::sort(maxima.begin(), maxima.end());
  const double median = maxima[maxima.size() / 2];
  return median > 0 ? maxima.back() / median : 1;
}

void divide(graph::Graph& graph, int source, const std::vector<double>& factors) {
  const graph::Node node = graph.nodes()[source];
  for (size_t i = kWeightInput; i < node.inputs.size(); ++i) {
    const Array parameter = parameter_at(graph, node, i);
    if (parameter.defined()) graph.set_parameter(source, i, scaled(parameter, -parameter.ndim(), factors));
  }
}

}  // namespace

graph::Graph migrate_scales(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config,
                            std::vector<CorrectionNote>& notes) {
  const std::vector<Site> sites = find_sites(graph);
  std::map<graph::ValueId, std::vector<double>> maxima;
  for (const Array& rows : sampled_rows(graph, data, config, kRows))
    graph.run(std::span(&rows, 1), [&](graph::ValueId id, const Array& values) {
      for (const Site& site : sites) {
        if (site.value != id || site.source < 0) continue;
        const std::vector<double> more = channel_maxima(values, site.axis);
        std::vector<double>& most = maxima[id];
        most.resize(more.size(), 0.0);
        for (size_t c = 0; c < more.size(); ++c) most[c] = std::max(most[c], more[c]);
      }
    });
  graph::Graph out = graph;
  for (const Site& site : sites) {
    const std::string layer = note_name(graph, site.layers[0]);
    if (site.source < 0) {
      notes.push_back(
          {"scale_migration", layer, "skipped: nothing takes the scales (" + site.reason + ")", 0, 0, true});
      continue;
    }
    const std::vector<double>& of_input = maxima.at(site.value);
    std::vector<double> of_weight(of_input.size(), 0.0), up(of_input.size(), 1.0), down(of_input.size(), 1.0);
    const auto weight = [&](int n) { return parameter_at(out, out.nodes()[n], kWeightInput); };
    for (const int n : site.layers) {
      const std::vector<double> more = channel_maxima(weight(n), 1 - weight(n).ndim());
      for (size_t c = 0; c < more.size(); ++c) of_weight[c] = std::max(of_weight[c], more[c]);
    }
    std::vector<double> after = of_input;
    for (size_t c = 0; c < of_input.size(); ++c) {
      if (of_input[c] == 0 || of_weight[c] == 0) continue;
      up[c] = std::clamp(std::pow(of_input[c], kAlpha) / std::pow(of_weight[c], 1 - kAlpha), 1 / kLargestFactor,
                         kLargestFactor);
      down[c] = 1 / up[c];
      after[c] *= down[c];
    }
    divide(out, site.source, down);
    for (const int n : site.layers) out.set_parameter(n, kWeightInput, scaled(weight(n), 1 - weight(n).ndim(), up));
    notes.push_back({"scale_migration", layer, "largest over median range of an input channel", unevenness(of_input),
                     unevenness(after)});
  }
  return out;
}

}  // namespace quantick::quant
