#include <algorithm>
#include <cmath>

#include "quantick/quant/correction_graph.h"
#include "quantick/quant/corrections.h"

namespace quantick::quant {
namespace {

// Chains of layers settle in a few sweeps; one that moved no factor further than this is the last.
constexpr int kSweeps = 20;
constexpr double kSettled = 1e-3;
// Beyond it a row is as good as empty, and float32 would lose it.
constexpr double kLargestFactor = 0x1p20;

/// A layer and those that read its output, channel for channel.
struct Link {
  int first;
  std::vector<int> second;
};

std::vector<Link> find_links(const graph::Graph& graph) {
  std::vector<Link> out;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    if (!is_linear(graph, node)) continue;
    graph::ValueId value = node.outputs[0];
    std::vector<int> next = readers(graph, value);
    while (next.size() == 1 && keeps_scales(graph.nodes()[next[0]]) && !is_output(graph, value)) {
      value = graph.nodes()[next[0]].outputs[0];
      next = readers(graph, value);
    }
    const int axis = output_axis(graph, node);
    const bool fits = !next.empty() && !is_output(graph, value) && std::all_of(next.begin(), next.end(), [&](int r) {
      const graph::Node& reader = graph.nodes()[r];
      return is_linear(graph, reader) && reader.inputs[0] == value && input_axis(graph, reader) == axis;
    });
    if (fits) out.push_back({static_cast<int>(n), next});
  }
  return out;
}

std::vector<double> row_ranges(const Array& weight) { return channel_maxima(weight, -weight.ndim()); }
std::vector<double> column_ranges(const Array& weight) { return channel_maxima(weight, 1 - weight.ndim()); }

/// Largest over smallest, of those that are not 0.
double spread(const std::vector<double>& ranges) {
  double most = 0, least = 0;
  for (const double r : ranges) {
    if (r == 0) continue;
    most = std::max(most, r);
    least = least == 0 ? r : std::min(least, r);
  }
  return least > 0 ? most / least : 1;
}

/// Factor of each channel; the largest distance from 1 that one has.
double equalize(graph::Graph& graph, const Link& link) {
  const auto weight = [&](int n) { return parameter_at(graph, graph.nodes()[n], kWeightInput); };
  const Array first = weight(link.first);
  const std::vector<double> rows = row_ranges(first);
  std::vector<double> columns(rows.size(), 0.0);
  for (const int n : link.second) {
    const std::vector<double> more = column_ranges(weight(n));
    for (size_t c = 0; c < rows.size(); ++c) columns[c] = std::max(columns[c], more[c]);
  }
  std::vector<double> up(rows.size(), 1.0), down(rows.size(), 1.0);
  double moved = 0;
  for (size_t c = 0; c < rows.size(); ++c) {
    if (rows[c] == 0 || columns[c] == 0) continue;
    up[c] = std::clamp(std::sqrt(rows[c] / columns[c]), 1 / kLargestFactor, kLargestFactor);
    down[c] = 1 / up[c];
    moved = std::max(moved, std::abs(std::log2(up[c])));
  }
  graph.set_parameter(link.first, kWeightInput, scaled(first, -first.ndim(), down));
  if (const Array bias = parameter_at(graph, graph.nodes()[link.first], kBiasInput); bias.defined())
    graph.set_parameter(link.first, kBiasInput, scaled(bias, -1, down));
  for (const int n : link.second) graph.set_parameter(n, kWeightInput, scaled(weight(n), 1 - weight(n).ndim(), up));
  return moved;
}

}  // namespace

graph::Graph equalize_layers(const graph::Graph& graph, std::vector<CorrectionNote>& notes) {
  graph::Graph out = graph;
  const std::vector<Link> links = find_links(graph);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double moved = 0;
    for (const Link& link : links) moved = std::max(moved, equalize(out, link));
    if (moved < kSettled) break;
  }
  if (links.empty())
    notes.push_back({"equalization", "no layer",
                     "skipped: none is followed by a Dense layer or a convolution with only "
                     "ReLU, dropout, identity, pooling or the newest step between",
                     0, 0, true});
  for (const Link& link : links) {
    const auto rows = [&](const graph::Graph& g) {
      return spread(row_ranges(parameter_at(g, g.nodes()[link.first], kWeightInput)));
    };
    notes.push_back(
        {"equalization", note_name(graph, link.first), "largest over smallest range of a row", rows(graph), rows(out)});
  }
  return out;
}

}  // namespace quantick::quant
