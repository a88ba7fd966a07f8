#include "quantick/ops/attention/attention_layer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/kernels/attention/attention.h"
#include "quantick/kernels/exp/exp.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {
namespace {

/// Scores of one piece of parallel work.
constexpr int64_t kScores = 1 << 16;

/// Where a row's queries, keys or values lie in an array.
struct Layout {
  int64_t row, step;  ///< elements from one row (step) to the next
};

Layout layout(const AttentionSizes& s, int64_t steps, int64_t channels) {
  return s.time_major ? Layout{channels, s.rows * channels} : Layout{steps * channels, channels};
}

std::vector<uint8_t> attended(const Array& mask) {
  std::vector<uint8_t> out;
  if (mask.defined())
    for (const double v : mask.to_vector<double>()) out.push_back(v > 0);
  return out;
}

/// In eight lanes, so that compilers use vectors; part of the bits of training, not of the contract.
template <class F>
F dot(const F* a, const F* b, int64_t n) {
  F lanes[8] = {};
  int64_t k = 0;
  for (; k + 8 <= n; k += 8)
    for (int j = 0; j < 8; ++j) lanes[j] += a[k + j] * b[k + j];
  for (int j = 0; k < n; ++k, ++j) lanes[j] += a[k] * b[k];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/// y += a * x.
template <class F>
void add_scaled(F a, const F* __restrict x, F* __restrict y, int64_t n) {
  int64_t k = 0;
  for (; k + 8 <= n; k += 8)
    for (int j = 0; j < 8; ++j) y[k + j] += a * x[k + j];
  for (; k < n; ++k) y[k] += a * x[k];
}

void exp_all(float* x, int64_t n) { kernels::exp_f32(x, x, n); }
void exp_all(double* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = std::exp(x[i]);
}

/// Weights of `count` keys for one query into p; false where none counts.
template <class F>
bool weigh(const F* q, const F* k, int64_t step, int64_t width, const uint8_t* counts, int64_t count, F scale, F slope,
           F* p) {
  F top = -INFINITY, total = 0;
  for (int64_t j = 0; j < count; ++j) {
    p[j] = counts && !counts[j] ? F(-INFINITY)
                                : dot(q, k + j * step, width) * scale - slope * static_cast<F>(count - 1 - j);
    top = std::max(top, p[j]);
  }
  if (top == F(-INFINITY)) return false;
  for (int64_t j = 0; j < count; ++j) p[j] -= top;
  exp_all(p, count);
  for (int64_t j = 0; j < count; ++j) total += p[j];
  for (int64_t j = 0; j < count; ++j) p[j] /= total;
  return true;
}

/// body(row) for every row, a number of rows at a time that depends on the sizes alone.
template <class Body>
void for_each_row(const AttentionSizes& s, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, kScores / std::max<int64_t>(1, s.queries * s.keys * s.heads));
  parallel_ranges(s.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

/// One row of the forward pass in float64.
void forward_row(const AttentionSizes& s, const double* q, Layout of_q, const double* k, Layout of_k, const double* v,
                 Layout of_v, const uint8_t* counts, double* y, Layout of_y) {
  std::vector<double> p(static_cast<size_t>(s.keys));
  for (int64_t i = 0; i < s.queries; ++i)
    for (int64_t h = 0; h < s.heads; ++h) {
      const int64_t kv = h / (s.heads / s.kv_heads), first = s.first_key(i), count = s.end_key(i) - first;
      double* const to = y + i * of_y.step + h * s.value_width;
      std::fill_n(to, s.value_width, 0.0);
      if (!weigh(q + i * of_q.step + h * s.width, k + first * of_k.step + kv * s.width, of_k.step, s.width,
                 counts ? counts + first : nullptr, count, s.scale, static_cast<double>(s.slope(h)), p.data()))
        continue;
      for (int64_t j = 0; j < count; ++j)
        if (p[static_cast<size_t>(j)] > 0)
          add_scaled(p[static_cast<size_t>(j)], v + (first + j) * of_v.step + kv * s.value_width, to, s.value_width);
    }
}

/// The same in float32, by the kernel of fixed-bits programs.
void forward_row(const AttentionSizes& s, const float* q, Layout of_q, const float* k, Layout of_k, const float* v,
                 Layout of_v, const uint8_t* counts, float* y, Layout of_y) {
  std::vector<float> p(static_cast<size_t>(s.keys));
  kernels::AttentionHead head{s.width, s.value_width, of_k.step, of_v.step, static_cast<float>(s.scale)};
  for (int64_t h = 0; h < s.heads; ++h) {
    head.slope = s.slope(h);
    for (int64_t i = 0; i < s.queries; ++i) {
      const int64_t kv = h / (s.heads / s.kv_heads), first = s.first_key(i);
      const kernels::AttentionRun<float> run{k + first * of_k.step + kv * s.width,
                                             v + first * of_v.step + kv * s.value_width,
                                             counts ? counts + first : nullptr, s.end_key(i) - first};
      kernels::attend_f32(head, q + i * of_q.step + h * s.width, &run, 1, p.data(),
                          y + i * of_y.step + h * s.value_width);
    }
  }
}

template <class F>
void backward_row(const AttentionSizes& s, const F* q, F* dq, Layout of_q, const F* k, F* dk, Layout of_k, const F* v,
                  F* dv, Layout of_v, const uint8_t* counts, const F* dy, Layout of_y) {
  std::vector<F> p(static_cast<size_t>(s.keys)), dp(p.size());
  const F scale = static_cast<F>(s.scale);
  for (int64_t h = 0; h < s.heads; ++h) {
    const int64_t kv = h / (s.heads / s.kv_heads);
    for (int64_t i = 0; i < s.queries; ++i) {
      const int64_t first = s.first_key(i), count = s.end_key(i) - first;
      const int64_t at_q = i * of_q.step + h * s.width, at_k = first * of_k.step + kv * s.width;
      const int64_t at_v = first * of_v.step + kv * s.value_width;
      if (!weigh(q + at_q, k + at_k, of_k.step, s.width, counts ? counts + first : nullptr, count, scale,
                 static_cast<F>(s.slope(h)), p.data()))
        continue;
      const F* const d = dy + i * of_y.step + h * s.value_width;
      F mean = 0;
      for (int64_t j = 0; j < count; ++j) {
        const auto at = static_cast<size_t>(j);
        if (counts && !counts[first + j]) continue;
        dp[at] = dot(d, v + at_v + j * of_v.step, s.value_width);
        mean += p[at] * dp[at];
      }
      for (int64_t j = 0; j < count; ++j) {
        const auto at = static_cast<size_t>(j);
        if (counts && !counts[first + j]) continue;
        const F score = p[at] * (dp[at] - mean) * scale;
        add_scaled(score, k + at_k + j * of_k.step, dq + at_q, s.width);
        add_scaled(score, q + at_q, dk + at_k + j * of_k.step, s.width);
        add_scaled(p[at], d, dv + at_v + j * of_v.step, s.value_width);
      }
    }
  }
}

}  // namespace

float AttentionSizes::slope(int64_t head) const {
  if (recency == 0) return 0;
  // ln 256 for each head, by the contract's exponential: the same bits everywhere.
  float factor = -5.5451775f * static_cast<float>(head + 1) / static_cast<float>(heads);
  kernels::exp_f32(&factor, &factor, 1);
  return static_cast<float>(recency) * factor;
}

void split_heads(AttentionSizes& sizes, const AttentionAttributes& attributes, int64_t q_channels, int64_t k_channels,
                 int64_t v_channels, std::string_view who) {
  sizes.heads = attributes.heads;
  sizes.kv_heads = attributes.kv_heads == 0 ? attributes.heads : attributes.kv_heads;
  QTK_CHECK(sizes.heads >= 1 && sizes.kv_heads >= 1 && sizes.heads % sizes.kv_heads == 0, ValueError,
            "[{}] heads and kv_heads, were {} and {}, expected heads a multiple of kv_heads (0: as heads)", who,
            attributes.heads, attributes.kv_heads);
  QTK_CHECK(q_channels > 0 && q_channels % sizes.heads == 0, ShapeError,
            "[{}] q channels, were {}, expected a multiple of {} heads", who, q_channels, sizes.heads);
  sizes.width = q_channels / sizes.heads;
  QTK_CHECK(k_channels == sizes.key_channels(), ShapeError, "[{}] k channels, were {}, expected {} ({} heads of {})",
            who, k_channels, sizes.key_channels(), sizes.kv_heads, sizes.width);
  QTK_CHECK(v_channels > 0 && v_channels % sizes.kv_heads == 0, ShapeError,
            "[{}] v channels, were {}, expected a multiple of {} heads", who, v_channels, sizes.kv_heads);
  sizes.value_width = v_channels / sizes.kv_heads;
  QTK_CHECK(attributes.scale >= 0 && std::isfinite(attributes.scale), ValueError,
            "[{}] scale, was {}, expected > 0, or 0 for 1 / sqrt(width of a head)", who, attributes.scale);
  sizes.scale = attributes.scale > 0 ? attributes.scale : 1 / std::sqrt(static_cast<double>(sizes.width));
}

Array attention_forward(const AttentionSizes& s, const Array& q_in, const Array& k_in, const Array& v_in,
                        const Array& mask, const Shape& y_shape) {
  const Array q = q_in.contiguous(), k = k_in.contiguous(), v = v_in.contiguous();
  const std::vector<uint8_t> counts = attended(mask);
  const Layout of_q = layout(s, s.queries, s.query_channels()), of_k = layout(s, s.keys, s.key_channels());
  const Layout of_v = layout(s, s.keys, s.value_channels()), of_y = layout(s, s.queries, s.output_channels());
  Array y = Array::empty(y_shape, q.dtype());
  visit_float(q.dtype(), [&](auto zero) {
    using F = decltype(zero);
    const F *from_q = q.data<F>(), *from_k = k.data<F>(), *from_v = v.data<F>();
    F* const to = y.mutable_data<F>();
    for_each_row(s, [&](int64_t r) {
      forward_row(s, from_q + r * of_q.row, of_q, from_k + r * of_k.row, of_k, from_v + r * of_v.row, of_v,
                  counts.empty() ? nullptr : counts.data() + r * s.keys, to + r * of_y.row, of_y);
    });
  });
  return y;
}

Arrays attention_backward(const AttentionSizes& s, const Array& q_in, const Array& k_in, const Array& v_in,
                          const Array& mask, const Array& dy_in) {
  const Array q = q_in.contiguous(), k = k_in.contiguous(), v = v_in.contiguous(), dy = dy_in.contiguous();
  const std::vector<uint8_t> counts = attended(mask);
  const Layout of_q = layout(s, s.queries, s.query_channels()), of_k = layout(s, s.keys, s.key_channels());
  const Layout of_v = layout(s, s.keys, s.value_channels()), of_y = layout(s, s.queries, s.output_channels());
  Array dq = Array::zeros(q.shape(), q.dtype()), dk = Array::zeros(k.shape(), q.dtype());
  Array dv = Array::zeros(v.shape(), q.dtype());
  visit_float(q.dtype(), [&](auto zero) {
    using F = decltype(zero);
    const F *from_q = q.data<F>(), *from_k = k.data<F>(), *from_v = v.data<F>(), *from_y = dy.data<F>();
    F *to_q = dq.mutable_data<F>(), *to_k = dk.mutable_data<F>(), *to_v = dv.mutable_data<F>();
    for_each_row(s, [&](int64_t r) {
      backward_row(s, from_q + r * of_q.row, to_q + r * of_q.row, of_q, from_k + r * of_k.row, to_k + r * of_k.row,
                   of_k, from_v + r * of_v.row, to_v + r * of_v.row, of_v,
                   counts.empty() ? nullptr : counts.data() + r * s.keys, from_y + r * of_y.row, of_y);
    });
  });
  return {dq, dk, dv};
}

Array attention_truth(const AttentionSizes& s, const Array& q_in, const Array& k_in, const Array& v_in,
                      const Array& mask, const Shape& y_shape) {
  const auto q = q_in.to_vector<double>(), k = k_in.to_vector<double>(), v = v_in.to_vector<double>();
  const auto m = mask.defined() ? mask.to_vector<double>() : std::vector<double>(k.size(), 1.0);
  const auto at = [&](int64_t row, int64_t step, int64_t steps, int64_t channels, int64_t channel) {
    return static_cast<size_t>((s.time_major ? step * s.rows + row : row * steps + step) * channels + channel);
  };
  std::vector<double> y(static_cast<size_t>(y_shape.size()), 0.0);
  for (int64_t r = 0; r < s.rows; ++r)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.queries; ++i) {
        const int64_t kv = h * s.kv_heads / s.heads;
        double total = 0;
        std::vector<double> sum(static_cast<size_t>(s.value_width), 0.0);
        for (int64_t j = 0; j < s.keys; ++j) {
          if (s.causal && (j > i || (s.context > 0 && j <= i - s.context))) continue;
          if (m[static_cast<size_t>(mask.defined() ? r * s.keys + j : 0)] <= 0) continue;
          double score = 0;
          for (int64_t d = 0; d < s.width; ++d)
            score += q[at(r, i, s.queries, s.query_channels(), h * s.width + d)] *
                     k[at(r, j, s.keys, s.key_channels(), kv * s.width + d)];
          const double weight =
              std::exp(score * s.scale - static_cast<double>(s.slope(h)) * static_cast<double>(i - j));
          total += weight;
          for (int64_t d = 0; d < s.value_width; ++d)
            sum[static_cast<size_t>(d)] += weight * v[at(r, j, s.keys, s.value_channels(), kv * s.value_width + d)];
        }
        for (int64_t d = 0; d < s.value_width && total > 0; ++d)
          y[at(r, i, s.queries, s.output_channels(), h * s.value_width + d)] = sum[static_cast<size_t>(d)] / total;
      }
  return Array::from(y, y_shape);
}

}  // namespace quantick
