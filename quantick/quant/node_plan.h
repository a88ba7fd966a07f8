#pragma once
// What the configuration means for each node of a graph, decided before any data is run: names, widths, methods, and
// what stays float with its reason.
#include <string>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/ops/precision.h"
#include "quantick/quant/config.h"

namespace quantick::quant {

/// Layers whose blocks are marked (nn::QuantizationMark), by path.
struct LayerMarks {
  std::vector<std::string> excluded, enabled;
};

/// A node that will not become integer.
struct FloatNode {
  std::string layer, op, reason;
  std::string name;      ///< as NodePlan has it
  bool refused = false;  ///< no program can hold it; else it runs in float32 inside the program
};

struct NodePlan {
  std::string name;  ///< layer, with ".2" and on where a layer has several nodes; the operator's where it has none
  Precision precision;
  std::string output_dtype;  ///< asked for by a rule, "" where the lowering chooses
  std::string float_reason;  ///< why it stays float, "" where it does not
  bool refused = false;
};

struct GraphPlan {
  std::vector<NodePlan> nodes;  ///< by graph node
  std::string input_dtype;      ///< asked for by a rule for "input", or ""
  std::vector<bool> sequence;   ///< by graph value: [steps, batch, ...]
  std::vector<FloatNode> float_nodes;
};

/// NodePlan::name of each node.
std::vector<std::string> node_names(const graph::Graph& graph);

/// Throws ValueError for names and patterns in the configuration that meet nothing, and for widths that a tensor cannot
/// have.
GraphPlan plan_nodes(const graph::Graph& graph, const QuantizationConfig& config, const LayerMarks& marks = {});

/// Throws UnsupportedError that names every node which no program can hold, with its reason.
void refuse_impossible(const std::vector<FloatNode>& nodes);

/// Nodes without a format of their own: what they give has the format of what they read.
bool keeps_format(const graph::Node& node);

/// Whether calibration, or a rule, has a say in the format of the output.
bool chooses_format(const graph::Node& node);

/// Whether a value is computed from the model's input (the rest are parameters and constants).
bool is_data(const graph::Graph& graph, graph::ValueId id);

}  // namespace quantick::quant
