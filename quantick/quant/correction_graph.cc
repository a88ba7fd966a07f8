#include "quantick/quant/correction_graph.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/quant/node_plan.h"

namespace quantick::quant {
namespace {

bool is_fixed(const graph::Graph& graph, graph::ValueId id) {
  return id < 0 || graph.value(id).kind == graph::ValueKind::parameter ||
         graph.value(id).kind == graph::ValueKind::constant;
}

/// Parameters that the graph holds itself, the first one being a float32 weight.
bool holds_parameters(const graph::Graph& graph, const graph::Node& node) {
  for (size_t i = kWeightInput; i < node.inputs.size(); ++i)
    if (!is_fixed(graph, node.inputs[i])) return false;
  const Array weight = parameter_at(graph, node, kWeightInput);
  return weight.defined() && weight.dtype() == DType::f32 && is_data(graph, node.inputs[0]);
}

int64_t groups_of(const graph::Node& node) {
  for (const auto& [name, value] : node.attributes)
    if (name == "groups") return std::get<int64_t>(value);
  return 1;
}

/// Visits values with the index of their channel.
template <class F>
void for_each_channel(const Array& values, int axis, F&& visit) {
  const int at = values.ndim() + axis;
  int64_t inner = 1;
  for (int a = at + 1; a < values.ndim(); ++a) inner *= values.shape()[a];
  const int64_t channels = values.shape()[at];
  for (int64_t i = 0; i < values.size(); ++i) visit(i, static_cast<size_t>(i / inner % channels));
}

}  // namespace

bool is_linear(const graph::Graph& graph, const graph::Node& node) {
  const std::string& op = node.op->name;
  return (op == "dense" || op == "convolution" || op == "causal_convolution") && holds_parameters(graph, node);
}

bool is_recurrent(const graph::Graph& graph, const graph::Node& node) {
  const bool recurrent = node.op->name == "lstm" || node.op->name == "gru";
  return recurrent && node.inputs.size() == kInnerBiasInput + 1 && holds_parameters(graph, node);
}

int output_axis(const graph::Graph& graph, const graph::Node& node) {
  return node.op->name == "convolution" ? 1 - graph.value(node.outputs[0]).type.shape.ndim() : -1;
}

int input_axis(const graph::Graph& graph, const graph::Node& node) {
  const Shape &x = graph.value(node.inputs[0]).type.shape, &weight = graph.value(node.inputs[kWeightInput]).type.shape;
  if (groups_of(node) != 1) return 0;
  if (node.op->name == "convolution") return 1 - x.ndim();
  return x[-1] == weight[1] ? -1 : 0;
}

std::vector<int> readers(const graph::Graph& graph, graph::ValueId value) {
  std::vector<int> out;
  for (size_t n = 0; n < graph.nodes().size(); ++n)
    for (const graph::ValueId id : graph.nodes()[n].inputs)
      if (id == value) out.push_back(static_cast<int>(n));
  return out;
}

bool is_output(const graph::Graph& graph, graph::ValueId value) {
  return std::find(graph.outputs().begin(), graph.outputs().end(), value) != graph.outputs().end();
}

Array parameter_at(const graph::Graph& graph, const graph::Node& node, size_t index) {
  if (index >= node.inputs.size() || node.inputs[index] < 0) return Array();
  return graph.value(node.inputs[index]).data;
}

std::string note_name(const graph::Node& node) { return node.layer.empty() ? node.op->name : node.layer; }

std::string note_name(const graph::Graph& graph, int node) { return node_names(graph)[node]; }

bool keeps_scales(const graph::Node& node) {
  const std::string& op = node.op->name;
  return op == "relu" || op == "leaky_relu" || op == "identity" || op == "dropout" || op == "max_pool" ||
         op == "causal_max_pool" || op == "avg_pool" || op == "sequence_last" || op == "sequence_reverse";
}

std::vector<double> channel_maxima(const Array& values, int axis) {
  const Array v = values.contiguous();
  std::vector<double> out(static_cast<size_t>(v.shape()[axis]), 0.0);
  for_each_channel(v, axis, [&](int64_t i, size_t c) {
    out[c] = std::max(out[c], std::abs(static_cast<double>(v.data<float>()[i])));
  });
  return out;
}

std::vector<double> channel_means(const Array& values, int axis) {
  const Array v = values.contiguous();
  std::vector<double> out(static_cast<size_t>(v.shape()[axis]), 0.0);
  for_each_channel(v, axis, [&](int64_t i, size_t c) { out[c] += static_cast<double>(v.data<float>()[i]); });
  const double count = static_cast<double>(v.size()) / static_cast<double>(out.size());
  for (double& sum : out) sum = count > 0 ? sum / count : 0;
  return out;
}

Array scaled(const Array& values, int axis, const std::vector<double>& factors) {
  Array out = values.copy();
  float* v = out.mutable_data<float>();
  for_each_channel(out, axis,
                   [&](int64_t i, size_t c) { v[i] = static_cast<float>(static_cast<double>(v[i]) * factors[c]); });
  return out;
}

std::vector<Array> sampled_rows(const graph::Graph& graph, const CalibrationData& data,
                                const QuantizationConfig& config, int64_t most) {
  QTK_CHECK(!data.batches.empty(), ValueError, "[quantize] corrections other than equalization need calibration data");
  const int axis = plan_nodes(graph, config).sequence[static_cast<size_t>(graph.inputs()[0])] ? 1 : 0;
  int64_t rows = 0;
  for (const Array& batch : data.batches) rows += batch.shape()[axis];
  const int64_t stride = std::max<int64_t>(1, (rows + most - 1) / most);
  std::vector<Array> out;
  int64_t first = 0;  // of this batch, so that every stride-th row of all data is taken
  for (const Array& batch : data.batches) {
    const int64_t size = batch.shape()[axis];
    if (first < size)
      out.push_back(with_missing_filled(batch.slice(axis, first, size, stride), static_cast<float>(config.fill_value)));
    first = (first - size % stride + stride) % stride;
  }
  return out;
}

}  // namespace quantick::quant
