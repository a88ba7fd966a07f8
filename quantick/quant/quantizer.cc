#include "quantick/quant/quantizer.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/graph/dense_of_matmul.h"
#include "quantick/graph/fold_batch_norm.h"
#include "quantick/graph/fold_parameters.h"
#include "quantick/quant/corrections.h"
#include "quantick/runtime/session.h"

namespace quantick::quant {
namespace {

// Rows of the calibration data that the error report compares on where no held-out data is given.
constexpr int64_t kReportRows = 256;

Array report_rows(const Array& batch, bool sequence) {
  const int axis = sequence ? 1 : 0;
  return batch.slice(axis, 0, std::min(kReportRows, batch.shape()[axis])).contiguous();
}

void collect_marks(const nn::Block& block, const std::string& path, LayerMarks& out) {
  if (block.quantization().excluded) out.excluded.push_back(path);
  if (block.quantization().enabled) out.enabled.push_back(path);
  for (const auto& [name, child] : block.children())
    collect_marks(*child, path.empty() ? name : path + "." + name, out);
}

/// Whether some gate or state is narrower than float32.
bool narrows_states(const QuantizationConfig& config) {
  return std::any_of(config.tensors.begin(), config.tensors.end(), [](const TensorRule& rule) {
    return rule.match.find(".gate") != std::string::npos || rule.match.ends_with(".cell") ||
           rule.match.ends_with(".state");
  });
}

/// The same configuration with float32 gates and states, which are recommended.
QuantizationConfig with_wide_states(QuantizationConfig config) {
  std::erase_if(config.tensors, [](const TensorRule& rule) {
    QuantizationConfig one;
    one.tensors = {rule};
    return narrows_states(one);
  });
  return config;
}

void check_float32(const nn::Block& model, const CalibrationData& data) {
  for (const Array& batch : data.batches)
    QTK_CHECK(batch.dtype() == DType::f32, TypeError, "[quantize] calibration data, was {}, expected float32",
              dtype_name(batch.dtype()));
  for (const auto& [name, parameter] : model.collect_params())
    QTK_CHECK(!parameter.initialized() || parameter.dtype() == DType::f32, TypeError,
              "[quantize] parameter {}, was {}, expected float32: cast(\"float32\") the model first", name,
              dtype_name(parameter.dtype()));
}

/// Shapes that the model does not take: the error says whose they are.
graph::Graph traced(nn::Block& model, const Types& types, bool by_data) {
  const Types before = model.last_input_types();
  try {
    return model.trace(types);
  } catch (const ShapeError& error) {
    if (!by_data) throw;
    fail<ShapeError>(
        "{}; calibration data, was {}{}", error.what(), types[0].shape.text(),
        before.empty() || before == types ? "" : ", the model was last called with " + before[0].shape.text());
  }
}

QuantizationReport report_on(const graph::Graph& graph, const Calibration& calibration, const Lowered& lowered,
                             const Array& samples) {
  try {
    return make_report(graph, calibration, lowered, samples);
  } catch (const ShapeError& error) {
    fail<ShapeError>("{}; held_out, was {}, expected shapes as the model's input {}", error.what(),
                     samples.shape().text(), graph.value(graph.inputs().at(0)).type.shape.text());
  }
}

}  // namespace

graph::Graph prepared(const graph::Graph& graph) {
  return graph::with_folded_batch_norm(graph::with_dense_of_matmul(graph::with_folded_parameters(graph)));
}

Array QuantizedNet::predict(const Array& x) const { return runtime::Session(program).run(x); }

LayerMarks marks_of(const nn::Block& model) {
  LayerMarks marks;
  collect_marks(model, "", marks);
  return marks;
}

QuantizedNet quantize_graph(const graph::Graph& original, const QuantizationConfig& config, const CalibrationData& data,
                            const Array& held_out, const LayerMarks& marks) {
  const FloatMode mode;
  config.validate();
  QTK_CHECK(!data.batches.empty() || config.default_method() != "static", ValueError,
            "[quantize] no calibration data: pass at least one batch, or choose calib_mode none (dynamic)");
  QTK_CHECK(!held_out.defined() || held_out.size() > 0, ValueError,
            "[quantize] held_out, was {}, expected at least one row", held_out.shape().text());
  const Shape& input_shape = original.value(original.inputs().at(0)).type.shape;
  QTK_CHECK(!held_out.defined() || (held_out.dtype() == DType::f32 && held_out.shape().ndim() == input_shape.ndim()),
            TypeError, "[quantize] held_out, was {} {}, expected float32 with as many axes as the model's input {}",
            dtype_name(held_out.dtype()), held_out.shape().text(), input_shape.text());
  QTK_CHECK(
      !data.ranges || std::ranges::count(config.corrections, "bias_correction") == 0, UnsupportedError,
      "[quantize] corrections, had bias_correction, which calibrates several times, expected none where the caller "
      "gives the ranges");
  const graph::Graph folded = prepared(original);
  refuse_impossible(plan_nodes(folded, config, marks).float_nodes);
  QuantizedNet out;
  std::vector<CorrectionNote> notes;
  graph::Graph reference = folded;
  const graph::Graph graph =
      config.corrections.empty() ? folded : apply_corrections(folded, data, config, notes, marks, &reference);
  const Calibration calibration = data.batches.empty() ? Calibration() : calibrate(graph, data, config);
  Lowered lowered = lower(graph, calibration, config, marks);
  Array samples = held_out;
  if (!samples.defined() && !data.batches.empty())
    samples = report_rows(data.batches[0], lowered.program.input().sequence);
  out.report = report_on(reference, calibration, lowered, samples);
  out.report.float_nodes = plan_nodes(graph, config, marks).float_nodes;
  out.report.corrections = std::move(notes);
  if (samples.defined() && narrows_states(config))
    warn_of_narrow_states(out.report, reference, lower(graph, calibration, with_wide_states(config), marks), samples);
  out.program = std::move(lowered.program);
  out.program.metadata["quantization.quantized_dtype"] = config.quantized_dtype;
  out.program.metadata["quantization.method"] = config.default_method();
  out.program.metadata["quantization.calib_mode"] = config.calib_mode;
  out.program.metadata["quantization.calibration_rows"] = std::to_string(calibration.rows());
  return out;
}

QuantizedNet quantize_net(nn::Block& model, const QuantizationConfig& config, const CalibrationData& data,
                          const Array& held_out) {
  const FloatMode mode;
  config.validate();
  const Types types = data.batches.empty() ? model.last_input_types() : Types{data.batches[0].type()};
  QTK_CHECK(!types.empty(), ValueError,
            "[quantize] the model's input is not known: call the model once, or pass calibration data");
  check_float32(model, data);
  return quantize_graph(traced(model, types, !data.batches.empty()), config, data, held_out, marks_of(model));
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
  QuantizationConfig dynamic = config();
  dynamic.calib_mode = "none";
  return quantize_net(model, dynamic);
}

QuantizedNet Quantizer::quantize(const CalibrationData& data) const {
  QTK_CHECK(!data.batches.empty(), ValueError, "[quantize] no calibration data: pass at least one batch");
  return quantize_net(model, config(), data);
}

}  // namespace quantick::quant
