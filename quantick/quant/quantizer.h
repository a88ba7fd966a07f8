#pragma once
// The calls a user makes:
//
//   auto q = Quantizer{.model = net, .quantized_dtype = "auto"};
//   QuantizedNet qnet = q.quantize(calibration_data);
//   QuantizedNet other = quantize_net(net, config, calibration_data);
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

/// Post-training static quantization of a whole network. `held_out`, where given, is what the error report compares on;
/// else it takes rows of the calibration data. Throws UnsupportedError, naming every node and reason, where a layer
/// would stay float, before any data is run.
QuantizedNet quantize_net(nn::Block& model, const QuantizationConfig& config, const CalibrationData& data,
                          const Array& held_out = {});

/// The same for a graph with one input and one output. `marked`: layers that stay float.
QuantizedNet quantize_graph(const graph::Graph& graph, const QuantizationConfig& config, const CalibrationData& data,
                            const Array& held_out = {}, const std::vector<std::string>& marked = {});

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
  /// Dynamic quantization: refused in this version with UnsupportedError.
  QuantizedNet quantize() const;
  /// Static quantization.
  QuantizedNet quantize(const CalibrationData& data) const;
};

}  // namespace quantick::quant
