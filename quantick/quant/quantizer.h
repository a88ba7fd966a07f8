#pragma once
// The calls a user makes:
//
//   auto q = Quantizer{.model = net, .quantized_dtype = "auto"};
//   QuantizedNet qnet = q.quantize();                                    // no data: causal dynamic quantization
//   QuantizedNet qnet1 = q.quantize(calibration_data);                   // static
//   QuantizedNet qnet2 = quantize_net(net, config, calibration_data);    // everything can be set
//   Array y = qnet.predict(x);
#include <string>
#include <vector>

#include "quantick/nn/block.h"
#include "quantick/quant/calibration.h"
#include "quantick/quant/config.h"
#include "quantick/quant/report.h"
#include "quantick/runtime/program.h"

namespace quantick::quant {

struct QuantizedNet {
  runtime::Program program;
  QuantizationReport report;
  /// As runtime::Session::run does; builds a session for the call.
  Array predict(const Array& x) const;
};

/// Post-training quantization of a whole network. Batch normalization is folded and config.corrections are applied
/// first, on a copy of the parameters. Without calibration data (calib_mode "none") the network must have been called
/// once, so that the input's shape is known. `held_out`, where given, is what the error report compares on; else it
/// takes rows of the calibration data. Throws UnsupportedError, naming every node and reason, where a layer cannot be
/// in a program, before any data is run.
QuantizedNet quantize_net(nn::Block& model, const QuantizationConfig& config, const CalibrationData& data = {},
                          const Array& held_out = {});

/// The same for a graph with one input and one output.
QuantizedNet quantize_graph(const graph::Graph& graph, const QuantizationConfig& config,
                            const CalibrationData& data = {}, const Array& held_out = {}, const LayerMarks& marks = {});

/// What quantization plans and lowers: parameters that are computed from parameters are computed, products with
/// matrices of parameters are dense layers, batch normalization is folded.
graph::Graph prepared(const graph::Graph& graph);

/// The paths of the blocks that are marked.
LayerMarks marks_of(const nn::Block& model);

struct Quantizer {
  nn::Block& model;
  std::string quantized_dtype = "auto";
  std::string calib_mode = "naive";
  std::string quantize_mode = "full";
  std::string quantize_granularity = "channel-wise";
  std::vector<std::string> exclude_layers = {};
  std::vector<std::string> exclude_layers_match = {};
  std::vector<std::string> exclude_operators = {};

  QuantizationConfig config() const;
  /// Dynamic quantization: scales at run time, per row and step. The network must have been called once.
  QuantizedNet quantize() const;
  /// Static quantization.
  QuantizedNet quantize(const CalibrationData& data) const;
};

}  // namespace quantick::quant
