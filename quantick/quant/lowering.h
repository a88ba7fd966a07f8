#pragma once
// From a float graph and its calibration to a fixed-bits program.
#include <string>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/quant/calibration.h"
#include "quantick/quant/config.h"
#include "quantick/runtime/program.h"

namespace quantick::quant {

/// A node that cannot, or shall not, become integer.
struct FloatNode {
  std::string layer, op, reason;
};

/// Known before calibration starts. Throws ValueError for a name in exclude_layers or exclude_operators that the graph
/// does not have. `marked`: layers whose block is marked as excluded.
std::vector<FloatNode> float_nodes(const graph::Graph& graph, const QuantizationConfig& config,
                                   const std::vector<std::string>& marked = {});

/// Throws UnsupportedError that names every node and its reason, where there is one: programs of this version hold no
/// float layers.
void refuse_float_nodes(const std::vector<FloatNode>& nodes);

struct Lowered {
  runtime::Program program;
  std::vector<graph::ValueId> graph_values;  ///< by program value
};

/// Formats: the input and the results between layers by calibration, at the configuration's widths; LSTM outputs and
/// bounded activations by their operators. The output head keeps its exact sums times their scale as float32, or int16
/// where output_dtype asks, so that scores do not tie; with quantized_dtype "auto" it also reads 16 bits. Constants on
/// the way are parameters of their operators.
Lowered lower(const graph::Graph& graph, const Calibration& calibration, const QuantizationConfig& config);

}  // namespace quantick::quant
