#include "quantick/quant/quantizer.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/session.h"

namespace quantick::quant {
namespace {

// Rows of the calibration data that the error report compares on where no held-out data is given.
constexpr int64_t kReportRows = 256;

Array report_rows(const Array& batch) {
  const int axis = batch.ndim() > 2 ? 1 : 0;
  return batch.slice(axis, 0, std::min(kReportRows, batch.shape()[axis])).contiguous();
}

void collect_excluded(const nn::Block& block, const std::string& path, std::vector<std::string>& out) {
  if (block.quantization().excluded) out.push_back(path);
  for (const auto& [name, child] : block.children())
    collect_excluded(*child, path.empty() ? name : path + "." + name, out);
}

}  // namespace

Array QuantizedNet::predict(const Array& x) const { return runtime::Session(program).run(x); }

QuantizedNet quantize_graph(const graph::Graph& graph, const QuantizationConfig& config, const CalibrationData& data,
                            const Array& held_out, const std::vector<std::string>& marked) {
  const FloatMode mode;
  config.validate();
  const std::vector<FloatNode> stay_float = float_nodes(graph, config, marked);
  refuse_float_nodes(stay_float);
  const Calibration calibration = calibrate(graph, data, config);
  Lowered lowered = lower(graph, calibration, config);
  QuantizedNet out;
  out.report = make_report(graph, calibration, lowered, held_out.defined() ? held_out : report_rows(data.batches[0]));
  out.report.float_nodes = stay_float;
  out.program = std::move(lowered.program);
  out.program.metadata["quantization.quantized_dtype"] = config.quantized_dtype;
  out.program.metadata["quantization.calib_mode"] = config.calib_mode;
  out.program.metadata["quantization.calibration_rows"] = std::to_string(calibration.rows());
  return out;
}

QuantizedNet quantize_net(nn::Block& model, const QuantizationConfig& config, const CalibrationData& data,
                          const Array& held_out) {
  const FloatMode mode;
  config.validate();
  QTK_CHECK(!data.batches.empty(), ValueError, "[quantize] no calibration data: pass at least one batch");
  std::vector<std::string> marked;
  collect_excluded(model, "", marked);
  return quantize_graph(model.trace({data.batches[0].type()}), config, data, held_out, marked);
}

QuantizationConfig Quantizer::config() const {
  QuantizationConfig c;
  c.quantized_dtype = quantized_dtype;
  c.calib_mode = calib_mode;
  c.quantize_mode = quantize_mode;
  c.quantize_granularity = quantize_granularity;
  c.exclude_layers = exclude_layers;
  c.exclude_layers_match = exclude_layers_match;
  c.exclude_operators = exclude_operators;
  return c;
}

QuantizedNet Quantizer::quantize() const {
  fail<UnsupportedError>("[quantize] dynamic quantization is not in this version; pass calibration data");
}

QuantizedNet Quantizer::quantize(const CalibrationData& data) const { return quantize_net(model, config(), data); }

}  // namespace quantick::quant
