#include "quantick/ops/attention/attention_node.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "quantick/core/error.h"
#include "quantick/kernels/attention/attention.h"
#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Steps that a stream keeps at most: sizes in bytes stay far from overflow.
constexpr int64_t kMaxContext = int64_t{1} << 24;

/// A stretch of keys in scratch or state.
template <class T>
struct Keys {
  const T* keys;
  const T* values;
  const uint8_t* attended;
  int64_t count;
};

/// T is int16_t (codes less their zero point) or float: what products are taken of.
template <class T>
class AttentionNode : public IntegerNode {
 public:
  AttentionNode(const PrepareCall& call, const AttentionSizes& sizes, std::string_view who)
      : sizes_(sizes), q_(call.inputs[0]), k_(call.inputs[1]), v_(call.inputs[2]), output_(call.output) {
    if (call.inputs.size() > 3) mask_ = call.inputs[3], masked_ = true;
    head_ = {sizes.width, sizes.value_width, sizes.key_channels(), sizes.value_channels(),
             static_cast<float>(sizes.scale)};
    for (int64_t h = 0; h < sizes.heads; ++h) slopes_.push_back(sizes.slope(h));
    if constexpr (kInteger) {
      const int64_t score = sizes.width * magnitude(q_, who) * magnitude(k_, who);
      head_.scale = (q_.scale * k_.scale) * head_.scale;
      check_scale(head_.scale, kLargestScale, who);
      head_.wide_scores = score >= int64_t{1} << 31;
      head_.wide_values = magnitude(v_, who) > 255;
      output_scale_ = output_.quantized() ? v_.scale / output_.scale : v_.scale;
      check_scale(output_scale_, kLargestScale, who);
      if (output_.quantized()) limits_ = kernels::output_limits(output_.bits(), output_.zero_point);
    }
  }

  void run(const Call& call) const noexcept override {
    if (sizes_.time_major && sizes_.causal)
      run_causal(call);
    else
      run_whole(call);
  }

  int64_t state_bytes() const override {
    if (!sizes_.time_major || !sizes_.causal) return 0;
    const int64_t ring = sizes_.context * (sizes_.key_channels() + sizes_.value_channels());
    return (kCounterBytes + ring * static_cast<int64_t>(sizeof(T)) + 7) / 8 * 8;
  }
  int64_t scratch_bytes(int64_t steps, int64_t) const override {
    const bool ring = sizes_.time_major && sizes_.causal;
    const int64_t keys = key_count(steps), kept = ring ? 0 : keys;
    return (kept * (sizes_.key_channels() + sizes_.value_channels()) + sizes_.query_channels() + 2 * keys +
            sizes_.output_channels()) *
               kWord +
           kept;
  }

 private:
  static constexpr bool kInteger = std::is_same_v<T, int16_t>;
  static constexpr int64_t kWord = sizeof(float);
  static constexpr int64_t kCounterBytes = sizeof(int64_t);

  /// Largest |code - zero point|.
  static int64_t magnitude(const TensorFormat& format, std::string_view who) {
    if (format.bits() == 8) return std::max(127 - format.zero_point, 128 + format.zero_point);
    QTK_CHECK(format.zero_point == 0, UnsupportedError, "[{}] zero point of an int16 input, was {}, expected 0", who,
              format.zero_point);
    return 32768;
  }

  int64_t key_count(int64_t steps) const {
    if (!sizes_.time_major) return sizes_.keys;
    return sizes_.causal ? sizes_.context : steps;
  }

  /// What stands in scratch, in this order; every element has room for a float.
  struct Scratch {
    T *keys, *values, *query;
    float* scores;
    int32_t* weights;
    float* result;
    uint8_t* attended;
  };
  Scratch scratch(const Call& call) const noexcept {
    const int64_t keys = key_count(call.steps), kept = sizes_.time_major && sizes_.causal ? 0 : keys;
    auto* at = static_cast<std::byte*>(call.scratch);
    const auto take = [&](int64_t n) { return std::exchange(at, at + n * kWord); };
    Scratch s;
    s.keys = reinterpret_cast<T*>(take(kept * sizes_.key_channels()));
    s.values = reinterpret_cast<T*>(take(kept * sizes_.value_channels()));
    s.query = reinterpret_cast<T*>(take(sizes_.query_channels()));
    s.scores = reinterpret_cast<float*>(take(keys));
    s.weights = reinterpret_cast<int32_t*>(take(keys));
    s.result = reinterpret_cast<float*>(take(sizes_.output_channels()));
    s.attended = reinterpret_cast<uint8_t*>(at);
    return s;
  }

  /// n elements from `offset` on, as T.
  void load(const void* data, int64_t offset, int64_t n, const TensorFormat& format, T* to) const noexcept {
    if constexpr (!kInteger) {
      load_codes(static_cast<const std::byte*>(data) + offset * dtype_size(format.dtype), n, format, isa_, to);
    } else if (format.dtype == DType::i8) {
      const auto zero = static_cast<int16_t>(format.zero_point);
      const int8_t* const from = static_cast<const int8_t*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int16_t>(from[i] - zero);
    } else {
      std::memcpy(to, static_cast<const int16_t*>(data) + offset, static_cast<size_t>(n) * sizeof(int16_t));
    }
  }

  void load_mask(const void* data, int64_t offset, int64_t n, uint8_t* to) const noexcept {
    for (int64_t i = offset; i < offset + n; ++i)
      *to++ = mask_.dtype == DType::i8    ? static_cast<const int8_t*>(data)[i] > mask_.zero_point
              : mask_.dtype == DType::i16 ? static_cast<const int16_t*>(data)[i] > mask_.zero_point
                                          : static_cast<const float*>(data)[i] > 0;
  }

  /// All heads of the query in scratch against keys in one or two stretches; its outputs start at `offset`.
  void attend(const Keys<T>* stretches, int count, const Scratch& s, void* output, int64_t offset) const noexcept {
    const int64_t share = sizes_.heads / sizes_.kv_heads;
    for (int64_t h = 0; h < sizes_.heads; ++h) {
      kernels::AttentionRun<T> runs[2];
      for (int r = 0; r < count; ++r)
        runs[r] = {stretches[r].keys + h / share * sizes_.width, stretches[r].values + h / share * sizes_.value_width,
                   stretches[r].attended, stretches[r].count};
      kernels::AttentionHead head = head_;
      head.slope = slopes_[static_cast<size_t>(h)];
      float* const y = s.result + h * sizes_.value_width;
      if constexpr (kInteger)
        kernels::attend_s16(head, s.query + h * sizes_.width, runs, count, s.scores, s.weights, y, isa_);
      else
        kernels::attend_f32(head, s.query + h * sizes_.width, runs, count, s.scores, y, isa_);
    }
    store(s.result, output, offset);
  }

  void store(float* y, void* output, int64_t offset) const noexcept {
    const int64_t n = sizes_.output_channels();
    if (!kInteger || !output_.quantized()) {
      if (kInteger)
        for (int64_t i = 0; i < n; ++i) y[i] *= output_scale_;
      store_codes(y, n, output_, isa_, static_cast<std::byte*>(output) + offset * dtype_size(output_.dtype));
    } else if (output_.dtype == DType::i8) {
      int8_t* const to = static_cast<int8_t*>(output) + offset;
      for (int64_t i = 0; i < n; ++i)
        to[i] = static_cast<int8_t>(kernels::round_to_limits(y[i] * output_scale_, limits_));
    } else {
      int16_t* const to = static_cast<int16_t*>(output) + offset;
      for (int64_t i = 0; i < n; ++i)
        to[i] = static_cast<int16_t>(kernels::round_to_limits(y[i] * output_scale_, limits_));
    }
  }

  /// Rows of tokens, or batch rows of a whole window.
  void run_whole(const Call& call) const noexcept {
    const Scratch s = scratch(call);
    const bool time = sizes_.time_major;
    const int64_t rows = time ? call.batch : call.steps * call.batch * sizes_.rows;
    const int64_t queries = time ? call.steps : sizes_.queries, keys = key_count(call.steps);
    const int64_t of_q = sizes_.query_channels(), of_k = sizes_.key_channels(), of_v = sizes_.value_channels();
    const auto step_of = [&](int64_t row, int64_t step, int64_t steps) {
      return time ? step * call.batch + row : row * steps + step;
    };
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t j = 0; j < keys; ++j) {
        load(call.inputs[1], step_of(row, j, keys) * of_k, of_k, k_, s.keys + j * of_k);
        load(call.inputs[2], step_of(row, j, keys) * of_v, of_v, v_, s.values + j * of_v);
      }
      if (masked_) load_mask(call.inputs[3], row * keys, keys, s.attended);
      for (int64_t i = 0; i < queries; ++i) {
        load(call.inputs[0], step_of(row, i, queries) * of_q, of_q, q_, s.query);
        const int64_t end = sizes_.causal ? std::min(i + 1, keys) : keys;
        const Keys<T> all{s.keys, s.values, masked_ ? s.attended : nullptr, end};
        attend(&all, 1, s, call.output, step_of(row, i, queries) * sizes_.output_channels());
      }
    }
  }

  /// Each row's state: how many steps it has seen, then rings of `context` keys and values; step t stands at t modulo
  /// context.
  void run_causal(const Call& call) const noexcept {
    const Scratch s = scratch(call);
    const int64_t of_q = sizes_.query_channels(), of_k = sizes_.key_channels(), of_v = sizes_.value_channels();
    for (int64_t t = 0; t < call.steps; ++t)
      for (int64_t n = 0; n < call.batch; ++n) {
        auto* const state = static_cast<std::byte*>(call.state) + n * state_bytes();
        auto* const seen = reinterpret_cast<int64_t*>(state);
        T* const keys = reinterpret_cast<T*>(state + kCounterBytes);
        T* const values = keys + sizes_.context * of_k;
        const int64_t at = t * call.batch + n, slot = *seen % sizes_.context;
        load(call.inputs[0], at * of_q, of_q, q_, s.query);
        load(call.inputs[1], at * of_k, of_k, k_, keys + slot * of_k);
        load(call.inputs[2], at * of_v, of_v, v_, values + slot * of_v);
        ++*seen;
        const int64_t older = *seen < sizes_.context ? 0 : sizes_.context - slot - 1;
        const Keys<T> stretches[2] = {{keys + (slot + 1) * of_k, values + (slot + 1) * of_v, nullptr, older},
                                      {keys, values, nullptr, slot + 1}};
        attend(stretches, 2, s, call.output, at * sizes_.output_channels());
      }
  }

  AttentionSizes sizes_;
  TensorFormat q_, k_, v_, mask_, output_;
  bool masked_ = false;
  kernels::AttentionHead head_;  ///< less its slope
  std::vector<float> slopes_;    ///< of each head
  float output_scale_ = 1;
  kernels::OutputLimits limits_;
  Isa isa_ = active_isa();
};

}  // namespace

std::unique_ptr<IntegerNode> make_attention_node(const PrepareCall& call, const AttentionSizes& sizes,
                                                 std::string_view who) {
  const int64_t rows = sizes.time_major ? 1 : sizes.rows, queries = sizes.time_major ? 1 : sizes.queries,
                keys = sizes.time_major ? 1 : sizes.keys;
  const auto check = [&](std::string_view what, const TensorType& type, int64_t expected) {
    QTK_CHECK(type.shape.size() == expected, FormatError, "[{}] channels of {}, were {}, expected {} of them", who,
              what, type.shape.text(), expected);
  };
  check("q", call.input_types[0], rows * queries * sizes.query_channels());
  check("k", call.input_types[1], rows * keys * sizes.key_channels());
  check("v", call.input_types[2], rows * keys * sizes.value_channels());
  if (call.inputs.size() > 3) check("mask", call.input_types[3], rows * keys);
  check("the output", call.output_type, rows * queries * sizes.output_channels());
  QTK_CHECK(sizes.context <= kMaxContext, FormatError, "[{}] context, was {}, expected at most {}", who, sizes.context,
            kMaxContext);
  const bool integers =
      std::all_of(call.inputs.begin(), call.inputs.begin() + 3, [](const TensorFormat& f) { return f.quantized(); });
  if (integers) return std::make_unique<AttentionNode<int16_t>>(call, sizes, who);
  return std::make_unique<AttentionNode<float>>(call, sizes, who);
}

}  // namespace quantick
