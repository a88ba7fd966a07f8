#include "quantick/quant/calibration.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/core/interrupt.h"

namespace quantick::quant {

const Observer& Calibration::at(graph::ValueId value) const {
  const auto found = observers_.find(value);
  QTK_CHECK(found != observers_.end(), IndexError, "[calibration] value {} was not observed", value);
  return *found->second;
}

Array with_missing_filled(const Array& x, float fill) {
  const Array rows = x.contiguous();
  const float* data = rows.data<float>();
  const bool complete = std::all_of(data, data + rows.size(), [](float v) { return std::isfinite(v); });
  if (complete) return rows;
  Array filled = rows.copy();
  float* to = filled.mutable_data<float>();
  for (int64_t i = 0; i < filled.size(); ++i)
    if (!std::isfinite(to[i])) to[i] = fill;
  return filled;
}

Calibration calibrate(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config) {
  const FloatMode mode;
  config.validate();
  QTK_CHECK(graph.inputs().size() == 1, UnsupportedError, "[calibration] inputs of the model, were {}, expected 1",
            graph.inputs().size());
  QTK_CHECK(!data.batches.empty(), ValueError, "[calibration] no data: pass at least one batch");
  Calibration result;
  const auto add = [&](graph::ValueId id) {
    result.observers_.emplace(id, make_observer(config.calib_mode, {.percentile = config.percentile}));
  };
  const graph::ValueId input = graph.inputs()[0];
  add(input);
  for (const graph::Node& node : graph.nodes()) add(node.outputs[0]);
  const auto observe = [&](graph::ValueId id, const Array& values) {
    const auto found = result.observers_.find(id);
    if (id == input || found == result.observers_.end() || values.dtype() != DType::f32) return;
    const Array rows = values.contiguous();
    found->second->observe({rows.data<float>(), static_cast<size_t>(rows.size())});
  };
  for (const Array& batch : data.batches) {
    check_interrupt();
    QTK_CHECK(batch.dtype() == DType::f32, TypeError, "[calibration] data, was {}, expected float32",
              dtype_name(batch.dtype()));
    const Array rows = batch.contiguous();
    result.observers_.at(input)->observe({rows.data<float>(), static_cast<size_t>(rows.size())});
    result.rows_ += batch.shape()[batch.ndim() > 2 ? 1 : 0];
    const Array filled = with_missing_filled(rows, static_cast<float>(config.fill_value));
    graph.run(std::span(&filled, 1), observe);
  }
  result.missing_ = result.observers_.at(input)->histogram().missing();
  QTK_CHECK(result.observers_.at(input)->histogram().observed() > 0, ValueError,
            "[calibration] all {} cells of the data are missing", result.missing_);
  return result;
}

TensorFormat choose_format(const ObservedRange& range, DType dtype) {
  const FloatMode mode;
  const double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  const int bits = static_cast<int>(dtype_size(dtype)) * 8;
  const double levels = std::ldexp(1.0, bits) - 1, top = std::ldexp(1.0, bits - 1) - 1;
  if (low == high) return {dtype, 1.0f, 0};
  const bool symmetric = dtype == DType::i16;
  const auto scale = static_cast<float>(symmetric ? std::max(-low, high) / top : (high - low) / levels);
  QTK_CHECK(scale >= 0x1p-100f && scale <= 0x1p95f, ValueError,
            "[calibration] range [{}, {}] gives scale {}, expected within [2^-100, 2^95]; scale the data", low, high,
            scale);
  if (symmetric) return {dtype, scale, 0};
  const double zero = std::nearbyint(-top - 1 - low / static_cast<double>(scale));
  return {dtype, scale, static_cast<int32_t>(std::clamp(zero, -top - 1, top))};
}

}  // namespace quantick::quant
