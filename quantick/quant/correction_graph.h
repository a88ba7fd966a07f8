#pragma once
// What corrections know about layers: where channels lie, who reads a value, and parameters as numbers.
#include <functional>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/quant/calibration.h"
#include "quantick/quant/config.h"

namespace quantick::quant {

// Inputs of dense, convolution, causal_convolution, lstm and gru.
inline constexpr size_t kWeightInput = 1, kBiasInput = 2, kGateBiasInput = 3, kInnerBiasInput = 4;

/// Dense, convolution or causal_convolution with float32 parameters that the graph holds.
bool is_linear(const graph::Graph& graph, const graph::Node& node);
/// LSTM or GRU with the same, and without initial states.
bool is_recurrent(const graph::Graph& graph, const graph::Node& node);

/// Axis of a linear layer's output channels (the rows of its weight), counted from the end: -1 is the last.
int output_axis(const graph::Graph& graph, const graph::Node& node);
/// Axis of the input channels that the columns of a linear or recurrent layer's weight belong to, counted from the end;
/// 0 where columns do not belong to one channel each (groups, flattened axes).
int input_axis(const graph::Graph& graph, const graph::Node& node);

/// Nodes that read a value.
std::vector<int> readers(const graph::Graph& graph, graph::ValueId value);
bool is_output(const graph::Graph& graph, graph::ValueId value);

/// The graph's array at an input of a node; undefined where it has none.
Array parameter_at(const graph::Graph& graph, const graph::Node& node, size_t index);
/// Name for notes: the layer, or the operator where it has none.
std::string note_name(const graph::Node& node);
/// The same as rules and the report have it, with ".2" and on where a layer has several nodes.
std::string note_name(const graph::Graph& graph, int node);

/// f(s x) = s f(x) for s > 0, channel by channel, with one input and the channels where they were.
bool keeps_scales(const graph::Node& node);

/// Largest magnitude along all axes but one (counted from the end).
std::vector<double> channel_maxima(const Array& values, int axis);
/// The same for means.
std::vector<double> channel_means(const Array& values, int axis);
/// Multiplies along an axis (counted from the end).
Array scaled(const Array& values, int axis, const std::vector<double>& factors);

/// Rows of the data that corrections look at, evenly taken from all batches, missing cells filled: at most about `most`
/// rows of the batch axis.
std::vector<Array> sampled_rows(const graph::Graph& graph, const CalibrationData& data,
                                const QuantizationConfig& config, int64_t most);

}  // namespace quantick::quant
