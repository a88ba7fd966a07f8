// AdaRound. Of a weight on a grid of scale s, w = s * (floor(w / s) + h), h in [0, 1] is learned and then rounded:
// h = clip(sigmoid(v) * (zeta - gamma) + gamma, 0, 1), with a penalty 1 - |2h - 1|^beta that drives it to an end while
// beta falls. The loss is the squared error of the layer's outputs, which are linear in the weight.
#include <algorithm>
#include <cmath>

#include "quantick/core/interrupt.h"
#include "quantick/ops/lowering.h"
#include "quantick/quant/correction_graph.h"
#include "quantick/quant/corrections.h"

namespace quantick::quant {
namespace {

// Rows of the batch, and places of a layer's output (steps, pixels) in them, that errors are taken over.
constexpr int64_t kRows = 256, kPlaces = 2048, kFewestRows = 4;
constexpr int kIterations = 600;
constexpr double kWarmStart = 0.2;  // share of the iterations without penalty
constexpr double kBetaStart = 20, kBetaEnd = 2;
constexpr double kZeta = 1.1, kGamma = -0.1;
// Of the penalty, where the loss of nearest rounding counts as one per weight.
constexpr double kPenalty = 10;
constexpr double kLearningRate = 0.02, kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

/// The grid that lowering finds, with the codes of nearest rounding.
struct Grid {
  std::vector<double> weight, scale;  ///< scale of each weight
  std::vector<float> top;             ///< largest magnitude among the weights that share the scale
  std::vector<double> nearest;
  double limit = 0;
};

Grid grid_of(const Array& weight, const Precision& precision, const std::string& layer) {
  const WeightForm form = weight_form(precision);
  const QuantizedWeight q = quantize_weight(weight, form, {}, 1, "learned_rounding \"" + layer + "\"");
  Grid out;
  out.weight = weight.to_vector<double>();
  out.nearest = q.values.to_vector<double>();
  out.limit = std::ldexp(1.0, form.bits - 1) - 1;
  const int64_t rows = q.rows(), columns = weight.size() / rows, groups = std::max<int64_t>(q.groups, 1);
  std::vector<float> tops(q.scales.size(), 0.0f);
  const auto shared = [&](int64_t i) {
    if (form.granularity == "tensor-wise") return size_t{0};
    const int64_t column = i % columns;
    return static_cast<size_t>(i / columns * groups + (q.groups > 0 ? column / form.group_size : 0));
  };
  for (int64_t i = 0; i < weight.size(); ++i) {
    float& top = tops[shared(i)];
    top = std::max(top, std::abs(static_cast<float>(out.weight[static_cast<size_t>(i)])));
    out.scale.push_back(static_cast<double>(q.scales[shared(i)]));
  }
  for (int64_t i = 0; i < weight.size(); ++i) out.top.push_back(tops[shared(i)]);
  return out;
}

/// Float weights that lowering turns into these codes: the largest one of each scale stays what it is.
Array weights_of(const Grid& grid, const std::vector<double>& codes, const Shape& shape) {
  std::vector<float> out(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) {
    const double magnitude = std::min(static_cast<double>(static_cast<float>(std::abs(codes[i]) * grid.scale[i])),
                                      static_cast<double>(grid.top[i]));
    const bool largest = std::abs(grid.weight[i]) == static_cast<double>(grid.top[i]);
    out[i] = largest ? static_cast<float>(grid.weight[i]) : static_cast<float>(std::copysign(magnitude, codes[i]));
  }
  return Array::from(out, shape);
}

/// One layer's inputs and what a change of its weight does to its outputs.
class LayerLoss {
 public:
  LayerLoss(const graph::Node& node, std::vector<Array> inputs) : node_(node), inputs_(std::move(inputs)) {}

  /// Mean squared change of an output by `change`; its gradient is added to `gradient` where given.
  double operator()(const Array& change, std::vector<double>* gradient) const {
    double sum = 0;
    int64_t count = 0;
    for (const Array& x : inputs_) count += outputs(x, change, sum, gradient);
    if (gradient != nullptr)
      for (double& g : *gradient) g *= 2 / static_cast<double>(count);
    return sum / static_cast<double>(count);
  }

 private:
  int64_t outputs(const Array& x, const Array& change, double& sum, std::vector<double>* gradient) const {
    const UnobservedScope unobserved;
    const Arrays arguments = {x, change};
    const Arrays y = invoke(*node_.op, node_.attributes, arguments);
    for (const float v : y[0].to_vector<float>()) sum += static_cast<double>(v) * static_cast<double>(v);
    if (gradient != nullptr) {
      const Arrays grads = node_.op->gradient(
          node_.attributes, {.inputs = arguments, .outputs = y, .output_grads = std::span(y).first(1)});
      const std::vector<double> more = grads[1].to_vector<double>();
      for (size_t i = 0; i < more.size(); ++i) (*gradient)[i] += more[i];
    }
    return y[0].size();
  }

  const graph::Node& node_;
  std::vector<Array> inputs_;
};

double soft(double v) { return std::clamp((kZeta - kGamma) / (1 + std::exp(-v)) + kGamma, 0.0, 1.0); }

/// Derivative of soft where it is between its ends; 0 beyond them.
double soft_slope(double v) {
  const double s = 1 / (1 + std::exp(-v)), h = (kZeta - kGamma) * s + kGamma;
  return h <= 0 || h >= 1 ? 0 : (kZeta - kGamma) * s * (1 - s);
}

/// Codes after learning.
std::vector<double> learn(const Grid& grid, const LayerLoss& loss, const Shape& shape, double nearest_loss) {
  const size_t n = grid.weight.size();
  std::vector<double> v(n), low(n), m(n, 0.0), s(n, 0.0), gradient(n);
  std::vector<bool> fixed(n);
  for (size_t i = 0; i < n; ++i) {
    low[i] = std::floor(grid.weight[i] / grid.scale[i]);
    const double rest = std::clamp(grid.weight[i] / grid.scale[i] - low[i], 0.01, 0.99);
    v[i] = -std::log((kZeta - kGamma) / (rest - kGamma) - 1);
    // The largest weight sets the scale, and what lies next to the limit has no second neighbour.
    fixed[i] =
        std::abs(grid.weight[i]) == static_cast<double>(grid.top[i]) || low[i] < -grid.limit || low[i] + 1 > grid.limit;
  }
  const auto code = [&](size_t i, double h) { return fixed[i] ? grid.nearest[i] : low[i] + h; };
  std::vector<float> change(n);
  const double per_weight = static_cast<double>(n) / nearest_loss;
  for (int k = 0; k < kIterations; ++k) {
    check_interrupt();
    for (size_t i = 0; i < n; ++i) change[i] = static_cast<float>(code(i, soft(v[i])) * grid.scale[i] - grid.weight[i]);
    std::fill(gradient.begin(), gradient.end(), 0.0);
    loss(Array::from(change, shape), &gradient);
    const double progress = static_cast<double>(k) / kIterations;
    const double annealed = std::max(0.0, (progress - kWarmStart) / (1 - kWarmStart));
    const double beta = kBetaEnd + (kBetaStart - kBetaEnd) * (1 + std::cos(annealed * M_PI)) / 2;
    const double first = 1 - std::pow(kBeta1, k + 1), second = 1 - std::pow(kBeta2, k + 1);
    for (size_t i = 0; i < n; ++i) {
      if (fixed[i]) continue;
      const double slope = soft_slope(v[i]), side = 2 * soft(v[i]) - 1;
      double g = gradient[i] * per_weight * grid.scale[i] * slope;
      if (progress >= kWarmStart)
        g -= kPenalty * 2 * beta * std::copysign(std::pow(std::abs(side), beta - 1), side) * slope;
      m[i] = kBeta1 * m[i] + (1 - kBeta1) * g;
      s[i] = kBeta2 * s[i] + (1 - kBeta2) * g * g;
      v[i] -= kLearningRate * (m[i] / first) / (std::sqrt(s[i] / second) + kEpsilon);
    }
  }
  std::vector<double> codes(n);
  for (size_t i = 0; i < n; ++i) codes[i] = code(i, soft(v[i]) >= 0.5 ? 1 : 0);
  return codes;
}

/// Every `stride`-th row of an axis over all arrays together; none of them without any.
std::vector<Array> thinned(const std::vector<Array>& values, int axis, int64_t rows) {
  int64_t all = 0;
  for (const Array& x : values) all += x.shape()[axis];
  const int64_t stride = std::max<int64_t>(1, all / std::max<int64_t>(rows, 1));
  std::vector<Array> out;
  for (const Array& x : values) out.push_back(x.slice(axis, 0, x.shape()[axis], stride).contiguous());
  return out;
}

/// The layer's inputs, thinned to about kPlaces places of its output.
std::vector<Array> layer_inputs(const graph::Node& node, std::vector<Array> values, const Shape& weight) {
  const std::string& op = node.op->name;
  if (op == "dense" && values[0].shape()[-1] == weight[1]) {
    for (Array& x : values) x = x.reshape({-1, x.shape()[-1]});  // each row is one for itself
    return thinned(values, 0, kPlaces);
  }
  const Shape& x = values[0].shape();
  int64_t places = 1;  // of one row of the batch
  if (op == "convolution")
    for (int axis = 2; axis < x.ndim(); ++axis) places *= x[axis];
  if (op == "causal_convolution") places = x.size() / (x[1] * x[-1]);
  return thinned(values, op == "causal_convolution" ? 1 : 0, std::max(kPlaces / places, kFewestRows));
}

}  // namespace

graph::Graph learn_rounding(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config,
                            std::vector<CorrectionNote>& notes, const LayerMarks& marks) {
  const GraphPlan plan = plan_nodes(graph, config, marks);
  const std::vector<Array> samples = sampled_rows(graph, data, config, kRows);
  graph::Graph out = graph;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    const Precision& precision = plan.nodes[n].precision;
    if (!plan.nodes[n].float_reason.empty() || !is_linear(graph, node) || integer_bits(precision.weight_dtype) == 0)
      continue;
    const Array weight = parameter_at(graph, node, kWeightInput);
    // One layer's inputs at a time: all of them together may not fit.
    std::vector<Array> values;
    for (const Array& rows : samples)
      graph.run(std::span(&rows, 1), [&](graph::ValueId id, const Array& value) {
        if (id == node.inputs[0]) values.push_back(value.contiguous());
      });
    const LayerLoss loss(node, layer_inputs(node, values, weight.shape()));
    const Grid grid = grid_of(weight, precision, note_name(node));
    const auto loss_of = [&](const std::vector<double>& codes) {
      std::vector<float> change(codes.size());
      for (size_t i = 0; i < codes.size(); ++i)
        change[i] = static_cast<float>(codes[i] * grid.scale[i] - grid.weight[i]);
      return loss(Array::from(change, weight.shape()), nullptr);
    };
    const double before = loss_of(grid.nearest);
    if (before == 0) continue;
    std::vector<double> codes = learn(grid, loss, weight.shape(), before);
    double after = loss_of(codes);
    if (after >= before) codes = grid.nearest, after = before;
    out.set_parameter(static_cast<int>(n), kWeightInput, weights_of(grid, codes, weight.shape()));
    notes.push_back({"learned_rounding", note_name(graph, static_cast<int>(n)),
                     "mean squared error of outputs by rounded weights", before, after});
  }
  return out;
}

}  // namespace quantick::quant
