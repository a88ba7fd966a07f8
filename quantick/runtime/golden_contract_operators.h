#pragma once
// For tests: the contract of the operators' nodes once more, from the text of docs/numerics.md, as templates over
// single steps. expected<OperatorContract>(c) gives the codes of a case's output; a wrong kernel is a struct that
// replaces a step. Weighted products and recurrent layers: golden_contract_products.h.
#include <limits>

#include "quantick/runtime/golden_contract_products.h"

namespace quantick::runtime {

/// An attribute, or the value that the operator takes without it.
template <class T>
T attribute(const GoldenOperator& c, const std::string& name, const T& usual) {
  for (const auto& [key, value] : c.attributes)
    if (key == name) return std::get<T>(value);
  return usual;
}

// --- rows along one axis: softmax, normalization, reductions ---

template <class P>
std::vector<float> softmax_row(const GoldenOperator& c, std::vector<float> x) {
  const float top = P::shift(*std::max_element(x.begin(), x.end()));
  std::vector<float> e;
  for (const float v : x) e.push_back(P::template exp<P>(v - top));
  const float total = P::sum16(e);
  for (size_t k = 0; k < x.size(); ++k) x[k] = c.op == "softmax" ? P::share(e[k], total) : (x[k] - top) - P::log(total);
  return x;
}

template <class P>
std::vector<float> normalized_row(const GoldenOperator& c, std::vector<float> x) {
  const bool layer = c.op == "layer_norm";
  const auto gamma = constant(c, "gamma").to_vector<float>();
  const auto beta = layer ? constant(c, "beta").to_vector<float>() : std::vector<float>();
  const auto epsilon = static_cast<float>(attribute(c, "epsilon", 1e-5));
  const auto n = static_cast<float>(x.size());
  const float mean = layer ? P::sum16(x) / n : P::rms_mean(x);
  std::vector<float> d, squares;
  for (const float v : x) d.push_back(v - mean), squares.push_back(d.back() * d.back());
  const float variance = layer ? P::variance(x, mean, P::sum16(squares) / n) : P::sum16(squares) / n;
  const float root = P::root(variance, epsilon);
  for (size_t k = 0; k < x.size(); ++k) {
    const float unit = P::normalized(d[k], root) * gamma[k];
    x[k] = layer ? P::shifted(P::normalized(d[k], root), gamma[k], beta[k]) : unit;
  }
  return x;
}

/// Each row along `axis` of the channels.
template <class P, class F>
std::vector<int64_t> along(const GoldenOperator& c, int axis, F row) {
  const GoldenTensor& x = c.inputs[0];
  const int64_t n = x.channels[axis];
  int64_t inner = 1;
  for (int i = axis + 1; i < x.channels.ndim(); ++i) inner *= x.channels[i];
  const int64_t groups = c.rows() * x.channels.size() / (n * inner);
  std::vector<int64_t> out;
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<std::vector<float>> columns;
    for (int64_t j = 0; j < inner; ++j) {
      std::vector<float> values;
      for (int64_t k = 0; k < n; ++k) values.push_back(number<P>(x, (g * n + k) * inner + j));
      columns.push_back(row(std::move(values)));
    }
    for (size_t k = 0; k < columns[0].size(); ++k)
      for (const auto& column : columns) out.push_back(stored<P>(column[k], c.output.format));
  }
  return out;
}

// --- functions of one or two numbers ---

template <class P>
float function(const GoldenOperator& c, float x) {
  if (c.op == "sigmoid") return P::template sigmoid<P>(x);
  if (c.op == "tanh") return P::template tanh<P>(x);
  if (c.op == "identity") return x;
  if (c.op == "exp") return P::template exp<P>(x);
  if (c.op == "relu") return x < 0 ? 0.0f : x;
  if (c.op == "silu") return x < -16 ? 0.0f : x * P::template sigmoid<P>(x);
  return P::template gelu<P>(x, attribute<std::string>(c, "approximate", "none") == "tanh");
}

template <class P>
std::vector<int64_t> pointwise(const GoldenOperator& c) {
  std::vector<int64_t> out;
  const GoldenTensor& x = c.inputs[0];
  for (size_t i = 0; i < x.codes.size(); ++i) {
    if (c.op == "relu" && x.format == c.output.format)
      out.push_back(std::max<int64_t>(x.codes[i], x.format.zero_point));
    else
      out.push_back(stored<P>(function<P>(c, number<P>(x, static_cast<int64_t>(i))), c.output.format));
  }
  return out;
}

template <class P>
std::vector<int64_t> pairs(const GoldenOperator& c) {
  const GoldenTensor& a = c.inputs[0];
  const bool data = c.inputs.size() == 2;
  const TensorFormat& y = c.output.format;
  const bool integers = data && a.format.quantized() && c.inputs[1].format.quantized() && y.quantized() &&
                        a.channels == c.inputs[1].channels;
  const auto fixed = data ? std::vector<float>() : constant(c, "operand1").to_vector<float>();
  std::vector<int64_t> out;
  for (int64_t i = 0; i < static_cast<int64_t>(a.codes.size()); ++i) {
    const int64_t width = data ? c.inputs[1].channels.size() : static_cast<int64_t>(fixed.size());
    const int64_t row = i / a.channels.size(), j = row * width + i % a.channels.size() % width;
    const float u = number<P>(a, i), v = data ? number<P>(c.inputs[1], j) : fixed[i % width];
    const bool sum = c.op == "add" || c.op == "subtract";
    if (integers && (sum || c.op == "multiply") && P::kIntegerPairs) {
      const TensorFormat& b = c.inputs[1].format;
      const int64_t m = a.codes[i] - a.format.zero_point, n = c.inputs[1].codes[j] - b.zero_point;
      const float sign = c.op == "subtract" ? -1.0f : 1.0f;
      out.push_back(rounded<P>(sum ? P::requantized2(m, a.format.scale / y.scale, n, sign * (b.scale / y.scale))
                                   : P::requantized(m * n, (a.format.scale * b.scale) / y.scale),
                               y));
      continue;
    }
    const float value = c.op == "add"        ? u + v
                        : c.op == "subtract" ? u - v
                        : c.op == "multiply" ? u * v
                        : c.op == "divide"   ? u / v
                                             : (u > v ? u : v);
    out.push_back(stored<P>(value, y));
  }
  return out;
}

// --- planes ---

/// Places of x [h, w] in each window.
inline std::vector<std::vector<int64_t>> pool_windows(const GoldenOperator& c, int64_t& taps) {
  const WindowSizes s(c, attribute<std::vector<int64_t>>(c, "kernel", {}));
  taps = s.window[0] * s.window[1];
  std::vector<std::vector<int64_t>> out;
  for (int64_t r = 0; r < s.results[0] * s.results[1]; ++r) {
    out.emplace_back();
    for (int64_t tap = 0; tap < taps; ++tap)
      if (const int64_t at = s.place(r, tap); at >= 0) out.back().push_back(at);
  }
  return out;
}

template <class P>
std::vector<int64_t> pooled(const GoldenOperator& c) {
  const GoldenTensor& x = c.inputs[0];
  int64_t taps = 0;
  const auto windows = pool_windows(c, taps);
  const int64_t plane = x.channels.size() / x.channels[0];
  const bool pads = attribute(c, "count_include_pad", true);
  std::vector<int64_t> out;
  for (int64_t first = 0; first < static_cast<int64_t>(x.codes.size()); first += plane)
    for (const auto& window : windows) {
      int64_t sum = 0, top = std::numeric_limits<int64_t>::min();
      float real = 0;
      for (const int64_t at : window) {
        sum += x.codes[first + at];
        top = std::max(top, x.codes[first + at]);
        if (!x.format.quantized()) real += number<P>(x, first + at);
      }
      const auto n = static_cast<int64_t>(window.size());
      const auto divisor = static_cast<float>(P::divisor(n, taps, pads));
      if (c.op == "max_pool")
        out.push_back(top);
      else if (x.format.quantized())
        out.push_back(stored<P>(P::mean(sum - P::counted(n, taps) * x.format.zero_point, x.format.scale, divisor),
                                c.output.format));
      else
        out.push_back(stored<P>(real / divisor, c.output.format));
    }
  return out;
}

template <class P>
std::vector<int64_t> batch_normalized(const GoldenOperator& c) {
  const auto scale = constant(c, "scale").to_vector<float>(), shift = constant(c, "shift").to_vector<float>();
  const GoldenTensor& x = c.inputs[0];
  const int64_t inner = x.channels.size() / x.channels[0];
  std::vector<int64_t> out;
  for (int64_t i = 0; i < static_cast<int64_t>(x.codes.size()); ++i) {
    const int64_t channel = i / inner % x.channels[0];
    out.push_back(stored<P>(P::affine(number<P>(x, i), scale[channel], shift[channel]), c.output.format));
  }
  return out;
}

// --- attention ---

template <class P>
class AttentionOracle {
 public:
  explicit AttentionOracle(const GoldenOperator& c)
      : c_(c),
        tokens_(c.op == "attention"),
        heads_(attribute<int64_t>(c, "heads", 1)),
        kv_heads_(attribute<int64_t>(c, "kv_heads", 0)) {
    if (kv_heads_ == 0) kv_heads_ = heads_;
    width_ = q().channels[-1] / heads_;
    values_ = v().channels[-1] / kv_heads_;
    integers_ = q().format.quantized() && k().format.quantized() && v().format.quantized();
    const double asked = attribute(c, "scale", 0.0);
    scale_ = static_cast<float>(asked == 0 ? 1 / std::sqrt(static_cast<double>(width_)) : asked);
  }

  std::vector<int64_t> run() {
    const int64_t queries = tokens_ ? q().channels[0] : c_.steps;
    std::vector<int64_t> out(c_.output.codes.size());
    for (int64_t row = 0; row < c_.batch; ++row)
      for (int64_t i = 0; i < queries; ++i)
        for (int64_t h = 0; h < heads_; ++h) attend(row, i, queries, h, out);
    return out;
  }

 private:
  const GoldenTensor& q() const { return c_.inputs[0]; }
  const GoldenTensor& k() const { return c_.inputs[1]; }
  const GoldenTensor& v() const { return c_.inputs[2]; }

  /// First element of a row's step or token, of `steps` of them.
  int64_t at(int64_t row, int64_t step, int64_t steps, int64_t channels) const {
    return (tokens_ ? row * steps + step : step * c_.batch + row) * channels;
  }
  static int64_t difference(const GoldenTensor& t, int64_t i) { return t.codes[i] - t.format.zero_point; }

  void attend(int64_t row, int64_t i, int64_t queries, int64_t head, std::vector<int64_t>& out) {
    const int64_t keys = tokens_ ? k().channels[0] : c_.steps, kv = P::kv_head(head, heads_, kv_heads_);
    const bool causal = c_.op == "causal_attention" || attribute(c_, "causal", false);
    const int64_t context = P::context(attribute<int64_t>(c_, "context", keys));
    const int64_t end = causal ? std::min(i + 1, keys) : keys;
    const float power = (-5.5451775f * static_cast<float>(head + 1)) / static_cast<float>(heads_);
    const float slope = static_cast<float>(attribute(c_, "recency", 0.0)) * P::template exp<P>(power);
    std::vector<int64_t> places;
    std::vector<float> p;
    for (int64_t j = causal ? std::max<int64_t>(0, end - context) : 0; j < end; ++j) {
      if (c_.inputs.size() > 3 && !P::counts(number<P>(c_.inputs[3], at(row, j, keys, 1)))) continue;
      const int64_t of_q = at(row, i, queries, q().channels[-1]) + head * width_;
      const int64_t of_k = at(row, j, keys, k().channels[-1]) + kv * width_;
      float score;
      if (integers_) {
        int64_t a = 0;
        for (int64_t d = 0; d < width_; ++d) a += difference(q(), of_q + d) * difference(k(), of_k + d);
        score = P::score(a, q().format.scale, k().format.scale, scale_);
      } else {
        std::vector<float> products;
        for (int64_t d = 0; d < width_; ++d) products.push_back(number<P>(q(), of_q + d) * number<P>(k(), of_k + d));
        score = P::sum16(products) * scale_;
      }
      p.push_back(score - slope * static_cast<float>(i - j));
      places.push_back(at(row, j, keys, v().channels[-1]) + kv * values_);
    }
    const int64_t to = at(row, i, queries, heads_ * values_) + head * values_;
    for (int64_t d = 0; d < values_; ++d)
      out[to + d] = places.empty() ? stored<P>(0, c_.output.format) : mix(p, places, d);
  }

  /// Element d of the values, weighted by the scores.
  int64_t mix(const std::vector<float>& p, const std::vector<int64_t>& places, int64_t d) const {
    const float top = *std::max_element(p.begin(), p.end());
    const TensorFormat& y = c_.output.format;
    if (!integers_) {
      float sum = 0, total = 0;
      for (size_t j = 0; j < p.size(); ++j) {
        const float e = P::template exp<P>(p[j] - top);
        sum += e * number<P>(v(), places[j] + d), total += e;
      }
      return stored<P>(sum / total, y);
    }
    const float whole = v().format.dtype == DType::i8 ? 32767.0f : 0x1p22f;
    double sum = 0, total = 0;  // exact for integers below 2^53
    for (size_t j = 0; j < p.size(); ++j) {
      const double e = P::numerator(P::template exp<P>(p[j] - top) * whole);
      sum += e * static_cast<double>(difference(v(), places[j] + d)), total += e;
    }
    const float t = static_cast<float>(sum) / static_cast<float>(total), s = v().format.scale;
    if (!y.quantized()) return stored<P>(t * s, y);
    return rounded<P>(double{P::attended(t, s, y.scale)}, y);
  }

  const GoldenOperator& c_;
  bool tokens_, integers_ = false;
  int64_t heads_, kv_heads_, width_ = 0, values_ = 0;
  float scale_ = 1;
};

/// The codes of the output; empty for an operator that is not written here.
template <class P>
std::vector<int64_t> expected(const GoldenOperator& c) {
  const int axes = c.inputs[0].channels.ndim();
  if (c.op == "dense" || c.op == "causal_convolution" || c.op == "convolution") return products<P>(c);
  if (c.op == "embedding") return embedded<P>(c);
  if (c.op == "matmul") return matrices<P>(c);
  if (c.op == "lstm" || c.op == "gru" || c.op == "lstm_projection") return recurrent<P>(c);
  if (c.op == "avg_pool" || c.op == "max_pool") return pooled<P>(c);
  if (c.op == "batch_norm") return batch_normalized<P>(c);
  if (c.inputs.size() > 2) return AttentionOracle<P>(c).run();
  if (c.op == "softmax" || c.op == "log_softmax") {
    const auto axis = static_cast<int>(attribute<int64_t>(c, "axis", -1));
    return along<P>(c, axis < 0 ? axes + axis : axis - (c.sequence ? 2 : 1),
                    [&](std::vector<float> x) { return softmax_row<P>(c, std::move(x)); });
  }
  if (c.op == "layer_norm" || c.op == "rms_norm")
    return along<P>(c, axes - 1, [&](std::vector<float> x) { return normalized_row<P>(c, std::move(x)); });
  if (c.op == "sum" || c.op == "mean")
    return along<P>(c, static_cast<int>(attribute<std::vector<int64_t>>(c, "axes", {})[0]) - 1,
                    [&](const std::vector<float>& x) {
                      const float sum = P::sum16(x);
                      return std::vector<float>{c.op == "sum" ? sum : sum / static_cast<float>(x.size())};
                    });
  if (c.inputs.size() == 2 || c.op == "add" || c.op == "subtract" || c.op == "multiply") return pairs<P>(c);
  if (c.op == "gelu" || c.op == "silu" || c.op == "sigmoid" || c.op == "tanh" || c.op == "exp" || c.op == "relu" ||
      c.op == "identity")
    return pointwise<P>(c);
  return {};
}

}  // namespace quantick::runtime
