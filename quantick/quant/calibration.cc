#include "quantick/quant/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/core/float_mode.h"
#include "quantick/core/interrupt.h"
#include "quantick/quant/node_plan.h"

namespace quantick::quant {

const Observer& Calibration::at(graph::ValueId value) const {
  const auto found = observers_.find(value);
  QTK_CHECK(found != observers_.end(), IndexError, "[calibration] value {} was not observed", value);
  return *found->second;
}

std::vector<SkippedCells> Calibration::skipped() const {
  std::vector<SkippedCells> out;
  for (const auto& [value, observer] : observers_) {
    const Histogram& h = observer->histogram();
    if (h.missing() > 0 || h.observed() == 0) out.push_back({value, h.observed(), h.missing()});
  }
  return out;
}

const ObservedRange* Calibration::given(const std::string& tensor) const {
  const auto found = given_.find(tensor);
  return found == given_.end() ? nullptr : &found->second;
}

double Calibration::state_range(int node) const {
  const auto found = state_ranges_.find(node);
  return found == state_ranges_.end() ? 0 : found->second;
}

namespace {

/// Watches the hidden states of the nodes whose widths are narrowed; their ranges stand in no tensor of the graph.
class StateWatch {
 public:
  StateWatch(const graph::Graph& graph, const QuantizationConfig& config, std::map<int, double>& ranges)
      : graph_(graph), ranges_(ranges) {
    const GraphPlan plan = plan_nodes(graph, config);
    for (size_t n = 0; n < plan.nodes.size(); ++n) {
      if (!graph.nodes()[n].op->integer.state_range || plan.nodes[n].precision.state_bits >= 24) continue;
      nodes_.push_back(static_cast<int>(n));
      for (const graph::ValueId input : graph.nodes()[n].inputs)
        if (is_data(graph, input)) inputs_[input] = Array();
    }
  }

  void on_value(graph::ValueId id, const Array& value) {
    if (const auto found = inputs_.find(id); found != inputs_.end()) found->second = value;
  }

  void on_batch_end() {
    for (const int n : nodes_) {
      const graph::Node& node = graph_.nodes()[n];
      Arrays inputs;
      for (const graph::ValueId id : node.inputs)
        inputs.push_back(id < 0 ? Array() : is_data(graph_, id) ? inputs_.at(id) : graph_.value(id).data);
      ranges_[n] = std::max(ranges_[n], node.op->integer.state_range(node.attributes, inputs));
    }
  }

 private:
  const graph::Graph& graph_;
  std::map<int, double>& ranges_;
  std::vector<int> nodes_;
  std::map<graph::ValueId, Array> inputs_;
};

/// Shapes that no layer takes are the data's fault: the error says which data it was.
void run_batch(const graph::Graph& graph, const Array& x, size_t batch, const Shape& first,
               const std::function<void(graph::ValueId, const Array&)>& observe) {
  try {
    graph.run(std::span(&x, 1), observe);
  } catch (const ShapeError& error) {
    fail<ShapeError>("{}; batch {} of the calibration data, was {}{}", error.what(), batch, x.shape().text(),
                     batch == 0 ? "" : ", batch 0 " + first.text());
  }
}

void check_given(const std::map<std::string, ObservedRange>& ranges, const std::vector<std::string>& tensors) {
  for (const auto& [tensor, range] : ranges) {
    if (std::find(tensors.begin(), tensors.end(), tensor) == tensors.end()) {
      const std::string near = nearest_name(tensor, tensors);
      fail<ValueError>("[calibration] a range is given for \"{}\", which is no tensor of the model{}; it has: {}",
                       tensor, near.empty() ? "" : ", did you mean \"" + near + "\"?", fmt::join(tensors, ", "));
    }
    QTK_CHECK(std::isfinite(range.low) && std::isfinite(range.high) && range.low <= range.high, ValueError,
              "[calibration] range of \"{}\", was [{}, {}], expected finite numbers in order", tensor, range.low,
              range.high);
  }
}

}  // namespace

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
  const bool known = config.calib_mode != "custom" && config.calib_mode != "none";
  const auto add = [&](graph::ValueId id) {
    result.observers_.emplace(id,
                              make_observer(known ? config.calib_mode : "naive", {.percentile = config.percentile}));
  };
  const graph::ValueId input = graph.inputs()[0];
  const int batch_axis = plan_nodes(graph, config).sequence[input] ? 1 : 0;
  add(input);
  StateWatch states(graph, config, result.state_ranges_);
  for (const graph::Node& node : graph.nodes()) add(node.outputs[0]);
  const std::vector<std::string> names = node_names(graph);
  const auto tell = [&](graph::ValueId id, const Array& values) {
    if (!data.on_tensor) return;
    const int node = graph.value(id).node;
    if (node < 0)
      data.on_tensor("input", "", values);
    else
      data.on_tensor(names[static_cast<size_t>(node)] + ".output", graph.nodes()[static_cast<size_t>(node)].op->name,
                     values);
  };
  const auto observe = [&](graph::ValueId id, const Array& values) {
    states.on_value(id, values);
    const auto found = result.observers_.find(id);
    if (id == input || found == result.observers_.end() || values.dtype() != DType::f32) return;
    const Array rows = values.contiguous();
    found->second->observe({rows.data<float>(), static_cast<size_t>(rows.size())});
    tell(id, rows);
  };
  for (size_t b = 0; b < data.batches.size(); ++b) {
    check_interrupt();
    const Array& batch = data.batches[b];
    QTK_CHECK(batch.dtype() == DType::f32, TypeError, "[calibration] data, was {}, expected float32",
              dtype_name(batch.dtype()));
    const Array rows = batch.contiguous();
    result.observers_.at(input)->observe({rows.data<float>(), static_cast<size_t>(rows.size())});
    QTK_CHECK(batch.shape().ndim() > batch_axis, ShapeError,
              "[calibration] batch {} of the data, was {}, expected {} or more axes", b, batch.shape().text(),
              batch_axis + 1);
    result.rows_ += batch.shape()[batch_axis];
    tell(input, rows);
    run_batch(graph, with_missing_filled(rows, static_cast<float>(config.fill_value)), b, data.batches[0].shape(),
              observe);
    states.on_batch_end();
    if (data.on_batch) data.on_batch(b + 1);
  }
  result.missing_ = result.observers_.at(input)->histogram().missing();
  QTK_CHECK(result.missing_ > 0 || result.observers_.at(input)->histogram().observed() > 0, ValueError,
            "[calibration] the data are empty: {} batches, the first of shape {}, expected at least one row",
            data.batches.size(), data.batches[0].shape().text());
  QTK_CHECK(result.observers_.at(input)->histogram().observed() > 0, ValueError,
            "[calibration] all {} cells of the data are missing", result.missing_);
  if (data.ranges) {
    std::vector<std::string> tensors{"input"};
    for (const std::string& name : names) tensors.push_back(name + ".output");
    result.given_ = data.ranges();
    check_given(result.given_, tensors);
  }
  return result;
}

TensorFormat choose_format(const ObservedRange& range, const FormatChoice& choice) {
  const FloatMode mode;
  QTK_ASSERT(choice.bits >= 2 && choice.bits <= 16);
  TensorFormat format{choice.bits <= 8 ? DType::i8 : DType::i16};
  if (choice.bits < format.bits()) format.narrow_bits = choice.bits;
  const double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  if (low == high) return format;
  const double levels = std::ldexp(1.0, choice.bits) - 1, top = std::ldexp(1.0, choice.bits - 1) - 1;
  const bool symmetric = choice.symmetric || choice.bits > 8;
  format.scale = static_cast<float>(symmetric ? std::max(-low, high) / top : (high - low) / levels);
  if (choice.power_of_two) {
    int exponent = 0;
    const float mantissa = std::frexp(format.scale, &exponent);
    format.scale = std::ldexp(1.0f, mantissa == 0.5f ? exponent - 1 : exponent);
  }
  QTK_CHECK(format.scale >= 0x1p-100f && format.scale <= 0x1p95f, ValueError,
            "[calibration] range [{}, {}] gives scale {}, expected within [2^-100, 2^95]; scale the data", low, high,
            format.scale);
  if (symmetric) return format;
  const double zero = std::nearbyint(-top - 1 - low / static_cast<double>(format.scale));
  format.zero_point = static_cast<int32_t>(std::clamp(zero, -top - 1, top));
  return format;
}

}  // namespace quantick::quant
