#include "quantick/runtime/state_width.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/core/rng.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/operator.h"

namespace quantick::runtime {
namespace {

constexpr int64_t kUnits = 32, kInputs = 16, kSteps = 1500;
constexpr double kInputWeight = 0.3, kHiddenWeight = 0.05;
constexpr double kGateShare = 0.2;  ///< of the input weights of the gates that set the half-life

using Values = std::vector<double>;

struct Column {
  std::string name;
  std::string op;
  Precision precision;
  std::array<double, kHalfLives.size()> reference;
};

/// The columns and numbers of ../shared/design/NUMERICS.md, section 1 (quantick_ref.py states).
std::vector<Column> columns() {
  const std::vector<int64_t> gates16(4, 16), gates8(4, 8);
  return {{"lstm, this contract", "lstm", {}, {75, 68, 63, 56, 46}},
          {"cell at 16 bits", "lstm", {.state_bits = 16}, {70, 57, 46, 36, 24}},
          {"cell at 12 bits", "lstm", {.state_bits = 12}, {48, 33, 24, 11, 0}},
          {"cell at 8 bits", "lstm", {.state_bits = 8}, {24, 9, 0, 0, 0}},
          {"gates at 16 bits", "lstm", {.gate_bits = gates16}, {73, 61, 52, 40, 29}},
          {"gates at 8 bits", "lstm", {.gate_bits = gates8}, {29, 6, 0, 0, 0}},
          {"gates and cell at 16 bits", "lstm", {.gate_bits = gates16, .state_bits = 16}, {70, 56, 45, 34, 23}},
          {"hidden state read at 8 bits", "lstm", {.hidden_bits = 8}, {59, 58, 56, 46, 42}},
          {"gru, this contract", "gru", {}, {81, 73, 68, 62, 52}}};
}

Values normals(int64_t n, double deviation, const Key& key) {
  Values v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = deviation * key.normal(i);
  return v;
}

Array float32_array(const Values& v, const Shape& shape) { return Array::from(v, shape).astype(DType::f32); }

struct Input {
  TensorFormat format;
  std::vector<int8_t> codes;
  Values values;  ///< what the codes mean
};

/// |N(0, 1)| within 4, less 0.8, on the asymmetric grid of its range.
Input make_input(const Key& key) {
  Values x = normals(kSteps * kInputs, 1, key);
  for (double& v : x) v = std::min(std::abs(v), 4.0) - 0.8;
  const double low = *std::min_element(x.begin(), x.end()), high = *std::max_element(x.begin(), x.end());
  Input out;
  out.format = {DType::i8, static_cast<float>((high - low) / 255), 0};
  out.format.zero_point = static_cast<int32_t>(std::rint(-128 - low / out.format.scale));
  for (const double v : x) {
    const float steps = static_cast<float>(v) / out.format.scale;
    const float q = std::clamp(std::rint(steps) + static_cast<float>(out.format.zero_point), -128.0f, 127.0f);
    out.codes.push_back(static_cast<int8_t>(q));
    out.values.push_back((static_cast<double>(q) - out.format.zero_point) * static_cast<double>(out.format.scale));
  }
  return out;
}

struct Layer {
  Array w_ih, w_hh, bias;           ///< float parameters
  Values real_ih, real_hh, real_b;  ///< what the integers mean
};

Values meaning(const QuantizedWeight& weight) {
  Values out = weight.values.to_vector<double>();
  const size_t columns = out.size() / weight.scales.size();
  for (size_t i = 0; i < out.size(); ++i) out[i] *= static_cast<double>(weight.scales[i / columns]);
  return out;
}

/// `keep` is the gate whose bias is the logit of what a step keeps, `take` the one with its negative, or -1.
Layer make_layer(int64_t gates, int64_t keep, int64_t take, double logit, const Input& x, const Key& key) {
  const int64_t rows = gates * kUnits;
  Values w = normals(rows * kInputs, kInputWeight, key.fold("w_ih"));
  Values bias(static_cast<size_t>(rows), 0.0);
  for (const auto& [gate, value] : {std::pair{keep, logit}, {take, -logit}}) {
    if (gate < 0) continue;
    std::fill_n(bias.begin() + gate * kUnits, kUnits, value);
    for (int64_t i = gate * kUnits * kInputs; i < (gate + 1) * kUnits * kInputs; ++i)
      w[static_cast<size_t>(i)] *= kGateShare;
  }
  Layer out;
  out.w_ih = float32_array(w, {rows, kInputs});
  out.w_hh = float32_array(normals(rows * kUnits, kHiddenWeight, key.fold("w_hh")), {rows, kUnits});
  out.bias = float32_array(bias, {rows});
  out.real_b = out.bias.to_vector<double>();
  out.real_ih = meaning(quantize_weight(out.w_ih, 8, out.real_b, x.format.scale, "states"));
  out.real_hh = meaning(quantize_weight(out.w_hh, 8, {}, kQ15.scale, "states"));
  return out;
}

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

/// Hidden states of all steps in float64.
Values truth(const std::string& op, const Layer& layer, const Values& x) {
  const auto units = static_cast<size_t>(kUnits), inputs = static_cast<size_t>(kInputs);
  const size_t rows = layer.real_b.size();
  Values h(units, 0.0), c(units, 0.0), out, from_x(rows), from_h(rows);
  for (size_t t = 0; t < static_cast<size_t>(kSteps); ++t) {
    for (size_t r = 0; r < rows; ++r) {
      from_x[r] = layer.real_b[r], from_h[r] = 0;
      for (size_t k = 0; k < inputs; ++k) from_x[r] += layer.real_ih[r * inputs + k] * x[t * inputs + k];
      for (size_t k = 0; k < units; ++k) from_h[r] += layer.real_hh[r * units + k] * h[k];
    }
    for (size_t u = 0; u < units; ++u) {
      const auto gate = [&](size_t g) { return from_x[g * units + u] + from_h[g * units + u]; };
      if (op == "lstm") {
        c[u] = sigmoid(gate(1)) * c[u] + sigmoid(gate(0)) * std::tanh(gate(2));
        h[u] = sigmoid(gate(3)) * std::tanh(c[u]);
      } else {
        const double z = sigmoid(gate(1)), reset = sigmoid(gate(0));
        h[u] = (1 - z) * std::tanh(from_x[2 * units + u] + reset * from_h[2 * units + u]) + z * h[u];
      }
    }
    out.insert(out.end(), h.begin(), h.end());
  }
  return out;
}

/// Hidden states of the fixed-bits form.
Values engine(const Column& column, const Layer& layer, const Input& x) {
  const IntegerForm& form = find_operator(column.op).integer;
  const Attributes attributes;
  LowerCall lower{.attributes = &attributes, .layer = "states", .inputs = {x.format}, .output = kQ15};
  const Array zeros = Array::zeros(layer.bias.shape());
  lower.parameters = {layer.w_ih, layer.w_hh, layer.bias, zeros};
  lower.precision = column.precision;
  lower.lead_axes = 2;
  lower.input_types = {{DType::i8, Shape{kInputs}}};
  PrepareCall prepare{.attributes = &attributes,
                      .inputs = lower.inputs,
                      .input_types = lower.input_types,
                      .output = kQ15,
                      .output_type = {DType::i16, Shape{kUnits}},
                      .constants = form.lower(lower),
                      .precision = column.precision,
                      .lead_axes = 2};
  const auto node = form.prepare(prepare);
  std::vector<int16_t> h(static_cast<size_t>(kSteps * kUnits));
  std::vector<double> state(static_cast<size_t>(node->state_bytes() / 8 + 1));
  std::vector<double> scratch(static_cast<size_t>(node->scratch_bytes(kSteps, 1) / 8 + 1));
  const void* input = x.codes.data();
  node->run({.steps = kSteps,
             .batch = 1,
             .inputs = std::span(&input, 1),
             .output = h.data(),
             .state = state.data(),
             .scratch = scratch.data()});
  Values out(h.begin(), h.end());
  for (double& v : out) v /= 32768;
  return out;
}

double sqnr_db(const Values& want, const Values& got) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    signal += want[i] * want[i];
    noise += (want[i] - got[i]) * (want[i] - got[i]);
  }
  return 10 * std::log10(signal / noise);
}

}  // namespace

double StateWidthRow::difference(size_t half_life) const {
  return std::max(measured[half_life], 0.0) - reference[half_life];
}

double StateWidthRow::largest_difference() const {
  double largest = 0;
  for (size_t i = 0; i < kHalfLives.size(); ++i) largest = std::max(largest, std::abs(difference(i)));
  return largest;
}

std::vector<StateWidthRow> measure_state_widths(int64_t seeds) {
  QTK_CHECK(seeds >= 1, ValueError, "[states] seeds, was {}, expected at least 1", seeds);
  const FloatMode mode;
  const std::vector<Column> all = columns();
  std::vector<StateWidthRow> rows;
  for (const Column& column : all) rows.push_back({column.name, column.reference, {}});
  for (size_t i = 0; i < kHalfLives.size(); ++i)
    for (int64_t seed = 0; seed < seeds; ++seed) {
      const double keep = std::pow(0.5, 1.0 / kHalfLives[i]), logit = std::log(keep / (1 - keep));
      const Key key = Key(static_cast<uint64_t>(seed)).fold("states").fold(static_cast<uint64_t>(kHalfLives[i]));
      const Input x = make_input(key.fold("x"));
      const Layer lstm = make_layer(4, 1, 0, logit, x, key.fold("lstm"));
      const Layer gru = make_layer(3, 1, -1, logit, x, key.fold("gru"));
      const Values lstm_truth = truth("lstm", lstm, x.values), gru_truth = truth("gru", gru, x.values);
      for (size_t c = 0; c < all.size(); ++c) {
        const bool is_lstm = all[c].op == "lstm";
        const Values got = engine(all[c], is_lstm ? lstm : gru, x);
        rows[c].measured[i] += sqnr_db(is_lstm ? lstm_truth : gru_truth, got) / static_cast<double>(seeds);
      }
    }
  return rows;
}

}  // namespace quantick::runtime
