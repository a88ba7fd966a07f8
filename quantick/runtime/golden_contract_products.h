#pragma once
// For tests: OperatorContract, the single steps of the operators' contract (docs/numerics.md), and with them weighted
// products, gathered rows, embedding, matrices and recurrent layers in every method of fixed bits.
#include <array>

#include "quantick/runtime/golden_contract.h"

namespace quantick::runtime {

/// A wrong kernel derives from it and hides one step; P is the wrong kernel.
struct OperatorContract : Contract {
  // Formats.
  static float value(int64_t difference, float scale) { return static_cast<float>(difference) * scale; }
  static float in_steps(float y, float scale) { return y / scale; }
  // Sums and functions.
  static float sum16(const std::vector<float>& v) {
    float lane[16] = {};
    for (size_t k = 0; k < v.size(); ++k) lane[k % 16] += v[k];
    for (int half = 8; half > 0; half /= 2)
      for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
    return lane[0];
  }
  template <class P>
  static float exp(float x) {
    if (x < -87.0f) return 0;
    if (x > 0x1.62e42ep6f) return INFINITY;
    const float n = std::nearbyint(x * 0x1.715476p0f);
    const float high = x - n * 0x1.62e4p-1f;
    const float r = high - n * 0x1.7f7d1cp-20f;
    float q = 0x1.687ec0p-10f;
    for (const float c : {0x1.123c16p-7f, 0x1.555b58p-5f, 0x1.55548ep-3f, 0x1.fffff8p-2f}) q = P::horner(q, r, c);
    const float y = P::exp_end(q, r);
    const int whole = static_cast<int>(n), half = whole >> 1;
    return std::ldexp(std::ldexp(y, half), whole - half);
  }
  static float exp_end(float q, float r) { return (q * (r * r) + r) + 1.0f; }
  static float log(float x) {
    int e = 0;
    float m = std::frexp(x, &e);  // [0.5, 1)
    if (m < 0.75f) m = 2 * m, --e;
    const float s = (m - 1.0f) / (m + 1.0f);
    const float z = s * s;
    const float q = ((2.0f / 9 * z + 2.0f / 7) * z + 2.0f / 5) * z + 2.0f / 3;
    const auto n = static_cast<float>(e);
    return (2.0f * s + ((q * z) * s + n * 0x1.7f7d1cp-20f)) + n * 0x1.62e4p-1f;
  }
  template <class P>
  static float erf(float x) {
    return std::copysign(pieces<P>(kernels::kErfPieces, x), x);
  }
  template <class P>
  static float gelu(float x, bool tanh_form) {
    if (x < -5.65625f) return 0;
    const float inner = tanh_form ? P::template tanh<P>(0.7978846f * (x + ((0.044715f * x) * x) * x))
                                  : P::template erf<P>(x * 0x1.6a09e6p-1f);
    return (0.5f * x) * (1.0f + inner);
  }
  static float shift(float top) { return top; }
  static float share(float e, float total) { return e / total; }
  // Normalization.
  static float rms_mean(const std::vector<float>&) { return 0; }
  static float variance(const std::vector<float>&, float, float of_differences) { return of_differences; }
  static float root(float variance, float epsilon) { return std::sqrt(variance + epsilon); }
  static float normalized(float d, float root) { return d * (1.0f / root); }
  static float shifted(float unit, float gamma, float beta) { return (unit * gamma) + beta; }
  static float affine(float x, float scale, float shift) { return x * scale + shift; }
  // Pooling.
  static int64_t divisor(int64_t real, int64_t taps, bool pads) { return pads ? taps : real; }
  static int64_t counted(int64_t real, int64_t) { return real; }
  static float mean(int64_t sum, float scale, float divisor) { return static_cast<float>(sum) * (scale / divisor); }
  // Pairs and matrices.
  static constexpr bool kIntegerPairs = true;
  // Attention.
  static float score(int64_t a, float s_q, float s_k, float scale) {
    return static_cast<float>(a) * ((s_q * s_k) * scale);
  }
  static double numerator(float e) { return std::nearbyint(e); }
  static float attended(float t, float s_v, float s_y) { return t * (s_v / s_y); }
  static int64_t context(int64_t asked) { return asked; }
  static int64_t kv_head(int64_t head, int64_t heads, int64_t kv_heads) { return head / (heads / kv_heads); }
  static bool counts(float mask) { return mask > 0; }
  // Products.
  static float next_sum(float t, int64_t a, float scale) { return t + static_cast<float>(a) * scale; }
  static constexpr bool kAscendingGroups = true;
  static float row_scale(float largest) { return largest / 127.0f; }
  static constexpr bool kScalePerRow = true;
  static float known_and_row(int64_t a, float s, float s_w) { return static_cast<float>(a) * (s * s_w); }
  static float with_bias(float t, float bias) { return t + bias; }
  static float decayed(float decay, float before) { return decay * before; }
  static int64_t tap(int64_t k, int64_t) { return k; }
  static int64_t dilation(int64_t asked) { return asked; }
  static int32_t padding(int32_t zero) { return zero; }
  static int32_t zero_of_products(const TensorFormat&, const TensorFormat& y) { return y.zero_point; }
  static size_t embedding_scale(size_t row, size_t) { return row; }
  static int64_t projected(double r) { return std::clamp<int64_t>(Contract::round(r), -32768, 32767); }
};

inline const Array& constant(const GoldenOperator& c, const std::string& name) {
  static const Array none;
  for (const NamedArray& entry : c.constants)
    if (entry.name == name) return entry.value;
  return none;
}

template <class T>
std::vector<T> constant_values(const GoldenOperator& c, const std::string& name) {
  const Array& array = constant(c, name);
  return array.defined() ? array.to_vector<T>() : std::vector<T>();
}

template <class P>
float number(const GoldenTensor& t, int64_t i) {
  if (!t.format.quantized()) return std::bit_cast<float>(static_cast<uint32_t>(t.codes[i]));
  return P::value(t.codes[i] - t.format.zero_point, t.format.scale);
}

template <class P>
int64_t rounded(double steps, const TensorFormat& format) {
  const int64_t top = int64_t{1} << (format.bits() - 1);
  return std::clamp(P::round(steps) + format.zero_point, -top, top - 1);
}

template <class P>
int64_t stored(float y, const TensorFormat& format) {
  if (!format.quantized()) return std::bit_cast<uint32_t>(y);
  return rounded<P>(double{P::in_steps(y, format.scale)}, format);
}

/// One product's constants.
struct ProductConstants {
  int64_t rows = 0, columns = 0, group = 0;  ///< group 0: one scale a row
  std::vector<int64_t> weights, bias;
  std::vector<float> scale, real_bias;

  ProductConstants(const GoldenOperator& c, const std::string& weight, const std::string& scale_name,
                   const std::string& bias_name, const std::string& real_bias_name, int64_t width)
      : columns(width) {
    const Array& stored = constant(c, weight);
    rows = stored.shape()[0];
    const auto bytes = stored.to_vector<int64_t>();
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < columns; ++k) {
        int64_t w = 0;
        if (stored.dtype() == DType::u8) {
          w = bytes[r * ((columns + 1) / 2) + k / 2] >> (k % 2 * 4) & 15;
          if (w > 7) w -= 16;
        } else {
          w = bytes[r * columns + k];
        }
        weights.push_back(w);
      }
    scale = constant(c, scale_name).to_vector<float>();
    if (constant(c, scale_name).ndim() == 2) group = c.precision.group_size;
    if (constant(c, bias_name).defined() && constant(c, bias_name).dtype() == DType::i64)
      bias = constant_values<int64_t>(c, bias_name);
    else
      real_bias = constant_values<float>(c, real_bias_name);
  }

  int64_t sum(int64_t r, const std::vector<int64_t>& x, int64_t first, int64_t end, int32_t zero) const {
    int64_t total = 0;
    for (int64_t k = first; k < end; ++k) total += weights[r * columns + k] * (x[k] - zero);
    return total;
  }
};

/// Row r of the product of integers x, in the unit of its scales. `s` is the scale of a dynamic row, else 0.
template <class P>
float product(const ProductConstants& w, int64_t r, const std::vector<int64_t>& x, int32_t zero, float s) {
  float t = 0;
  if (w.group > 0) {
    const int64_t groups = (w.columns + w.group - 1) / w.group;
    for (int64_t i = 0; i < groups; ++i) {
      const int64_t g = P::kAscendingGroups ? i : groups - 1 - i;
      const int64_t a = w.sum(r, x, g * w.group, std::min(w.columns, (g + 1) * w.group), s > 0 ? 0 : zero);
      const float scale = s > 0 ? s * w.scale[r * groups + g] : w.scale[r * groups + g];
      t = i == 0 ? static_cast<float>(a) * scale : P::next_sum(t, a, scale);
    }
  } else {
    const int64_t a = w.sum(r, x, 0, w.columns, 0) + (w.bias.empty() ? 0 : w.bias[r]);
    t = s > 0 ? P::known_and_row(a, s, w.scale[r]) : static_cast<float>(P::requantized(a, w.scale[r]));
  }
  return w.real_bias.empty() ? t : P::with_bias(t, w.real_bias[r]);
}

/// Integers of a dynamic row and their scale. `largest` comes in as the decayed maximum of the past.
template <class P>
float quantize_row(const std::vector<float>& row, float& largest, std::vector<int64_t>& codes) {
  for (const float v : row) largest = std::max(largest, std::fabs(v));
  const float s = largest < 0x1p-100f ? 1.0f : P::row_scale(largest);
  codes.clear();
  for (const float v : row) codes.push_back(std::clamp<int64_t>(P::round(double{v / s}), -127, 127));
  return s;
}

/// Sizes of windows over x [channels, w] or [channels, h, w], as [h, w].
struct WindowSizes {
  std::array<int64_t, 2> size{1, 1}, window{1, 1}, stride{1, 1}, begin{0, 0}, end{0, 0}, dilation{1, 1}, results{1, 1};

  WindowSizes(const GoldenOperator& c, const std::vector<int64_t>& extents) {
    const Shape& x = c.inputs[0].channels;
    const int axes = x.ndim() - 1;
    for (int i = 0; i < axes; ++i) {
      const int to = 2 - axes + i;
      size[to] = x[i + 1];
      window[to] = extents[i];
      for (const auto& [name, value] : c.attributes) {
        const auto* list = std::get_if<std::vector<int64_t>>(&value);
        if (list == nullptr || list->empty()) continue;
        if (name == "strides") stride[to] = (*list)[i];
        if (name == "dilations") dilation[to] = (*list)[i];
        if (name == "pads") begin[to] = (*list)[i], end[to] = (*list)[axes + i];
      }
      results[to] = (begin[to] + size[to] + end[to] - dilation[to] * (window[to] - 1) - 1) / stride[to] + 1;
    }
  }
  /// Of a tap of result r in the plane; -1 in the padding.
  int64_t place(int64_t r, int64_t tap) const {
    const int64_t y = r / results[1] * stride[0] + tap / window[1] * dilation[0] - begin[0];
    const int64_t x = r % results[1] * stride[1] + tap % window[1] * dilation[1] - begin[1];
    return y < 0 || y >= size[0] || x < 0 || x >= size[1] ? -1 : y * size[1] + x;
  }
};

/// What one output of a weighted layer reads: places in x, -1 for padding, and where its results go.
struct GatheredRow {
  int64_t group = 0;  ///< whose weights it meets
  std::vector<int64_t> from;
  int64_t to = 0, apart = 1;  ///< first result and the distance to the next
  int64_t past = 0;           ///< rows of equal number share a decaying maximum
};

template <class P>
std::vector<GatheredRow> gathered(const GoldenOperator& c, int64_t groups) {
  std::vector<GatheredRow> out;
  const Shape& channels = c.inputs[0].channels;
  const int64_t width = channels.size(), results = c.output.channels.size();
  if (c.op == "dense") {
    bool flatten = true;
    for (const auto& [name, value] : c.attributes)
      if (name == "flatten") flatten = std::get<bool>(value);
    const int64_t columns = flatten ? width : channels[-1], rows = width / columns;
    for (int64_t i = 0; i < c.rows() * rows; ++i) {
      GatheredRow row{.to = i * results / rows, .past = i % (c.batch * rows)};
      for (int64_t k = 0; k < columns; ++k) row.from.push_back(i * columns + k);
      out.push_back(row);
    }
    return out;
  }
  const int64_t in = channels[0] / groups, of_group = c.output.channels[0] / groups;
  for (int64_t i = 0; i < c.rows(); ++i)
    for (int64_t g = 0; g < groups; ++g) {
      if (c.op == "causal_convolution") {
        int64_t dilation = 1;
        for (const auto& [name, value] : c.attributes)
          if (name == "dilation") dilation = P::dilation(std::get<int64_t>(value));
        const auto taps = static_cast<int64_t>(constant(c, "taps").item());
        GatheredRow row{g, {}, i * results + g * of_group, 1, i % c.batch * groups + g};
        for (int64_t k = 0; k < taps; ++k) {
          const int64_t at = i - (taps - 1 - P::tap(k, taps)) * dilation * c.batch;
          for (int64_t ch = 0; ch < in; ++ch) row.from.push_back(at < 0 ? -1 : at * width + g * in + ch);
        }
        out.push_back(row);
        continue;
      }
      const WindowSizes s(c, constant(c, "window").to_vector<int64_t>());
      const int64_t windows = s.results[0] * s.results[1], plane = s.size[0] * s.size[1];
      for (int64_t r = 0; r < windows; ++r) {
        GatheredRow row{g, {}, i * results + g * of_group * windows + r, windows, 0};
        for (int64_t tap = 0; tap < s.window[0] * s.window[1]; ++tap)
          for (int64_t ch = 0; ch < in; ++ch) {
            const int64_t at = s.place(r, P::tap(tap, s.window[0] * s.window[1]));
            row.from.push_back(at < 0 ? -1 : (i * channels[0] + g * in + ch) * plane + at);
          }
        out.push_back(row);
      }
    }
  return out;
}

template <class P>
std::vector<int64_t> products(const GoldenOperator& c) {
  int64_t groups = 1;
  for (const auto& [name, value] : c.attributes)
    if (name == "groups") groups = std::get<int64_t>(value);
  const std::vector<GatheredRow> rows = gathered<P>(c, groups);
  std::vector<ProductConstants> weights;
  for (int64_t g = 0; g < groups; ++g) {
    const std::string prefix = groups == 1 ? "" : "g" + std::to_string(g) + "_";
    weights.emplace_back(c, prefix + "weight", prefix + "scale", prefix + "bias", prefix + "bias",
                         static_cast<int64_t>(rows[0].from.size()));
  }
  const GoldenTensor& x = c.inputs[0];
  TensorFormat y = c.output.format;
  y.zero_point = P::zero_of_products(x.format, y);
  const bool decays = c.precision.method == "dynamic_decay" && c.sequence;
  float of_all = 0;
  if (!P::kScalePerRow && !x.format.quantized())
    for (size_t i = 0; i < x.codes.size(); ++i)
      of_all = std::max(of_all, std::fabs(number<P>(x, static_cast<int64_t>(i))));
  std::vector<float> past(rows.size(), 0.0f);
  std::vector<int64_t> out(c.output.codes.size());
  for (const GatheredRow& row : rows) {
    std::vector<int64_t> codes;
    float s = 0;
    if (x.format.quantized()) {
      for (const int64_t at : row.from) codes.push_back(at < 0 ? P::padding(x.format.zero_point) : x.codes[at]);
    } else {
      std::vector<float> values;
      for (const int64_t at : row.from) values.push_back(at < 0 ? 0.0f : number<P>(x, at));
      float largest = decays ? P::decayed(static_cast<float>(c.precision.decay), past[row.past]) : of_all;
      s = quantize_row<P>(values, largest, codes);
      past[row.past] = largest;
    }
    const ProductConstants& w = weights[row.group];
    for (int64_t r = 0; r < w.rows; ++r) {
      const float t = product<P>(w, r, codes, x.format.zero_point, s);
      out[row.to + r * row.apart] = y.quantized() ? rounded<P>(double{t}, y) : stored<P>(t, y);
    }
  }
  return out;
}

template <class P>
std::vector<int64_t> embedded(const GoldenOperator& c) {
  const ProductConstants table(c, "weight", "scale", "", "", c.output.channels[-1]);
  const int64_t size = table.group > 0 ? table.group : table.columns, groups = (table.columns + size - 1) / size;
  std::vector<int64_t> out;
  for (const int64_t id : c.inputs[0].codes)
    for (int64_t k = 0; k < table.columns; ++k) {
      const size_t at = P::embedding_scale(static_cast<size_t>(id * groups + k / size), table.scale.size());
      const float y = static_cast<float>(table.weights[id * table.columns + k]) * table.scale[at];
      out.push_back(c.output.format.quantized() ? rounded<P>(double{y}, c.output.format)
                                                : stored<P>(y, c.output.format));
    }
  return out;
}

/// Products of two tensors [m, k] and [k, n].
template <class P>
std::vector<int64_t> matrices(const GoldenOperator& c) {
  const GoldenTensor &a = c.inputs[0], &b = c.inputs[1];
  const int64_t m = a.channels[0], depth = a.channels[1], n = b.channels[1];
  const TensorFormat& y = c.output.format;
  std::vector<int64_t> out;
  for (int64_t row = 0; row < c.rows(); ++row)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        int64_t sum = 0;
        float real = 0;
        for (int64_t l = 0; l < depth; ++l) {
          const int64_t at_a = (row * m + i) * depth + l, at_b = (row * depth + l) * n + j;
          sum += (a.codes[at_a] - a.format.zero_point) * (b.codes[at_b] - b.format.zero_point);
          real = real + number<P>(a, at_a) * number<P>(b, at_b);
        }
        const bool integers = a.format.quantized() && b.format.quantized() && P::kIntegerPairs;
        out.push_back(integers ? rounded<P>(P::requantized(sum, (a.format.scale * b.format.scale) / y.scale), y)
                               : stored<P>(real, y));
      }
  return out;
}

/// LSTM, its projection, GRU; x of known scale or dynamic.
template <class P>
std::vector<int64_t> recurrent(const GoldenOperator& c) {
  const bool gru = c.op == "gru", projected = c.op == "lstm_projection";
  const int64_t gates = gru ? 3 : 4, inputs = c.inputs[0].channels.size(), hidden = c.output.channels.size();
  const ProductConstants wx(c, "wx", "sx", "bx", "bias_x", inputs), wh(c, "wh", "sh", "bh", "bias_h", hidden);
  const int64_t units = wx.rows / gates;
  std::vector<int> widths(static_cast<size_t>(gates), 24);
  std::copy(c.precision.gate_bits.begin(), c.precision.gate_bits.end(), widths.begin());
  const auto state_bits = static_cast<int>(c.precision.state_bits);
  const auto top = static_cast<float>(c.precision.state_top);
  const TensorFormat& x = c.inputs[0].format;
  std::vector<int64_t> out(c.output.codes.size());
  for (int64_t n = 0; n < c.batch; ++n) {
    std::vector<float> state(static_cast<size_t>(units));
    std::vector<int64_t> h(static_cast<size_t>(hidden));
    float largest = 0;
    for (int64_t t = 0; t < c.steps; ++t) {
      const int64_t row = t * c.batch + n;
      std::vector<int64_t> codes(c.inputs[0].codes.begin() + row * inputs,
                                 c.inputs[0].codes.begin() + (row + 1) * inputs);
      float s = 0;
      if (!x.quantized()) {
        std::vector<float> values;
        for (int64_t k = 0; k < inputs; ++k) values.push_back(number<P>(c.inputs[0], row * inputs + k));
        const bool decays = c.precision.method == "dynamic_decay";
        largest = decays ? P::decayed(static_cast<float>(c.precision.decay), largest) : 0.0f;
        s = quantize_row<P>(values, largest, codes);
      }
      std::vector<int64_t> view = h, next(static_cast<size_t>(units));
      if (c.precision.hidden_bits == 8)
        for (int64_t& v : view) v = P::hidden8(static_cast<int>(v));
      for (int64_t u = 0; u < units; ++u) {
        float px[4], ph[4], a[4];
        for (int64_t g = 0; g < gates; ++g) {
          px[g] = product<P>(wx, g * units + u, codes, x.zero_point, s);
          ph[g] = product<P>(wh, g * units + u, view, 0, 0);
          const bool tanh = g == 2;
          const float p = gru && tanh ? px[g] + a[0] * ph[g] : px[g] + ph[g];
          a[g] = narrowed<P>(tanh ? P::template tanh<P>(p) : P::template sigmoid<P>(p), widths[g], 1);
        }
        const float moved = gru ? P::blended(a[2], a[1], state[u]) : P::cell(a[1], state[u], a[0], a[2]);
        state[u] = P::flush(narrowed<P>(moved, state_bits, gru ? 1.0f : top));
        const float value = gru ? state[u] : a[3] * P::template tanh<P>(state[u]);
        next[u] = std::clamp<int64_t>(P::round(double{value * 32768.0f}), -32767, 32767);
      }
      h = next;
      float unit = 0x1p-15f;
      if (projected) {
        const ProductConstants wr(c, "wr", "sr", "", "", units);
        h.clear();
        for (int64_t j = 0; j < hidden; ++j) h.push_back(P::projected(double{product<P>(wr, j, next, 0, 0)}));
        unit = constant(c, "scale_r").to_vector<float>()[0];
      }
      for (int64_t j = 0; j < hidden; ++j)
        out[row * hidden + j] = projected ? stored<P>(static_cast<float>(h[j]) * unit, c.output.format) : h[j];
    }
  }
  return out;
}

}  // namespace quantick::runtime
