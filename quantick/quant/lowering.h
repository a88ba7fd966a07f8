#pragma once
// From a float graph and its calibration to a fixed-bits program.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/quant/calibration.h"
#include "quantick/quant/config.h"
#include "quantick/quant/node_plan.h"
#include "quantick/runtime/program.h"

namespace quantick::quant {

struct Lowered {
  runtime::Program program;
  std::vector<graph::ValueId> graph_values;  ///< by program value
  std::vector<std::string> names;            ///< by program value: "input", the layer, "x as int8" for a conversion
  std::vector<int> graph_nodes;              ///< by program node, -1 for a conversion
  /// Ranges that calibration, or the caller, chose, by graph value and bits.
  std::map<std::pair<graph::ValueId, int>, ObservedRange> ranges;
};

/// Formats: the input and the results between layers by calibration, at the configuration's widths; LSTM outputs and
/// bounded activations by their operators. The output head keeps its exact sums times their scale as float32, or int16
/// where output_dtype asks, so that scores do not tie; with quantized_dtype "auto" it also reads 16 bits. Layers that
/// stay float read and give float32; where integers and floats meet, a node converts. Constants on the way are
/// parameters of their operators. `calibration` is read only for formats that are not known otherwise: a wholly dynamic
/// or weight-only program needs none. Throws UnsupportedError for nodes that no program can hold.
Lowered lower(const graph::Graph& graph, const Calibration& calibration, const QuantizationConfig& config,
              const LayerMarks& marks = {});

}  // namespace quantick::quant
