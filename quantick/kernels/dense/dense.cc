#include "quantick/kernels/dense/dense.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/dense/dense_pack.h"
#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<DenseRun> kDense{dense_s8_scalar, dense_s8_avx2, dense_s8_avxvnni, dense_s8_avx512vnni};
constexpr KernelList<DensePacking> kPacking{{1, 1}, kPackingAvx2, kPackingAvxvnni, kPackingAvx512vnni};

constexpr int64_t kMaximumSum = int64_t{1} << 53;  // beyond it, accumulator to float32 through double rounds twice
constexpr float kSmallestScale = 0x1p-100f;
constexpr float kLargestScale = 0x1p95f;

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

/// Whether both byte-plane sums of every row fit int32 whatever x is: |hi + 128| and lo reach 255. `factor`: of
/// weights.
bool planes_fit(const std::vector<int64_t>& magnitudes, int64_t factor) {
  return std::all_of(magnitudes.begin(), magnitudes.end(),
                     [&](int64_t m) { return m * 255 * factor < int64_t{1} << 31; });
}

/// Arrays one behind the other, each from a line of 64 bytes on: counted first, then laid out.
class Layout {
 public:
  template <class T>
  size_t add(int64_t count) {
    const size_t at = bytes_;
    bytes_ += static_cast<size_t>(round_up(count * int64_t{sizeof(T)}, 64));
    return at;
  }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

template <class T>
T* at(PooledBytes& memory, size_t offset) {
  return reinterpret_cast<T*>(memory.data() + offset);
}

int64_t group_count(const DenseSpec& spec) {
  return spec.group_size > 0 ? (spec.cols + spec.group_size - 1) / spec.group_size : 1;
}

void check(const DenseSpec& spec) {
  QTK_CHECK(spec.rows > 0 && spec.cols > 0, ValueError, "[dense] weights, were [{}, {}], expected at least [1, 1]",
            spec.rows, spec.cols);
  QTK_CHECK((spec.weights == nullptr) != (spec.weights16 == nullptr) && (spec.raw_sums || spec.scale), ValueError,
            "[dense] weights or scale missing, or weights of both widths");
  QTK_CHECK(spec.x_bits == 8 || spec.x_bits == 16, ValueError, "[dense] x_bits, was {}, expected 8 or 16", spec.x_bits);
  QTK_CHECK(spec.y_bits == 8 || spec.y_bits == 16 || spec.y_bits == 32, ValueError,
            "[dense] y_bits, was {}, expected 8, 16 or 32 (float32)", spec.y_bits);
  QTK_CHECK(std::abs(int64_t{spec.zero_y}) <= 32768, ValueError, "[dense] zero_y, was {}, expected within int16",
            spec.zero_y);
  QTK_CHECK(std::abs(int64_t{spec.zero_x}) <= 32768, ValueError, "[dense] zero_x, was {}, expected within int16",
            spec.zero_x);
  QTK_CHECK(spec.group_size >= 0, ValueError, "[dense] group_size, was {}, expected 0 or more", spec.group_size);
  QTK_CHECK(spec.zero_x == 0 || (spec.group_size > 0 && !spec.dynamic), ValueError,
            "[dense] zero_x, was {}, expected 0 where the bias holds it or x is dynamic", spec.zero_x);
  QTK_CHECK(!spec.dynamic || (spec.x_bits == 8 && spec.y_bits == 32), ValueError,
            "[dense] x_bits and y_bits of a dynamic product, were {} and {}, expected 8 and 32", spec.x_bits,
            spec.y_bits);
  const bool real = spec.dynamic || spec.group_size > 0;
  QTK_CHECK(real ? spec.bias == nullptr : spec.bias_real == nullptr, ValueError,
            "[dense] bias, expected {} numbers here", real ? "float32" : "integer");
  QTK_CHECK(spec.weight_bits == 8 || (spec.weight_bits == 4 && spec.weights), ValueError,
            "[dense] weight_bits, was {}, expected 8, or 4 with 8-bit storage", spec.weight_bits);
  if (spec.raw_sums) {
    QTK_CHECK(spec.y_bits == 32 && spec.weights && !spec.scale && !real, ValueError,
              "[dense] raw sums, expected 8-bit weights, y_bits 32, no scale, no groups and not dynamic");
    return;
  }
  for (int64_t i = 0; i < spec.rows * group_count(spec); ++i) {
    const float s = spec.scale[i];
    if (spec.y_bits == 32)
      QTK_CHECK(std::isfinite(s), ValueError, "[dense] scale {}, was {}, expected a finite number", i, s);
    else
      QTK_CHECK(s >= kSmallestScale && s <= kLargestScale, ValueError,
                "[dense] scale {}, was {}, expected within [2^-100, 2^95]", i, s);
  }
}

}  // namespace

int accumulator_bits(const std::vector<int64_t>& magnitudes, const int64_t* bias, int x_bits) {
  int64_t worst = 0;
  for (size_t r = 0; r < magnitudes.size(); ++r) {
    const int64_t b = bias ? bias[r] : 0;
    QTK_CHECK(b > -kMaximumSum && b < kMaximumSum, ValueError, "[dense] bias of row {}, was {}, expected below 2^53", r,
              b);
    const int64_t sum = (magnitudes[r] << (x_bits - 1)) + std::abs(b);
    QTK_CHECK(sum < kMaximumSum, ValueError, "[dense] accumulator of row {} can reach {}, expected below 2^53", r, sum);
    worst = std::max(worst, sum);
  }
  return worst < int64_t{1} << 31 ? 32 : 64;
}

int accumulator_bits(const int8_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits) {
  std::vector<int64_t> sums(rows), magnitudes(rows);
  row_sums(weights, rows, cols, sums.data(), magnitudes.data(), active_isa());
  return accumulator_bits(magnitudes, bias, x_bits);
}

int accumulator_bits(const int16_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits) {
  std::vector<int64_t> magnitudes(rows, 0);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < cols; ++k) magnitudes[r] += std::abs(int{weights[r * cols + k]});
  return accumulator_bits(magnitudes, bias, x_bits);
}

DenseKernel::DenseKernel(const DenseSpec& spec, Isa isa) : isa_(isa), quantize_isa_(isa) {
  check(spec);
  plan_.rows = spec.rows, plan_.cols = spec.cols;
  plan_.x_bits = spec.x_bits, plan_.y_bits = spec.y_bits, plan_.raw = spec.raw_sums;
  if (spec.y_bits != 32) {
    const OutputLimits limits = output_limits(spec.y_bits, spec.zero_y);
    plan_.low = limits.low, plan_.high = limits.high, plan_.zero = limits.zero;
  }
  grouped_ = spec.group_size > 0 || spec.weights16;
  if (grouped_)
    pack_groups(spec);
  else
    pack(spec);
  if (spec.dynamic) {  // codes and scales of one block
    scratch_bytes_ += static_cast<size_t>(round_up(kDenseBlock * (spec.cols + int64_t{sizeof(float)}), 64));
  }
}

void DenseKernel::pack_groups(const DenseSpec& spec) {
  const int64_t count = spec.rows * spec.cols, groups = group_count(spec);
  const int64_t size = spec.group_size > 0 ? std::min(spec.group_size, spec.cols) : spec.cols;
  if (spec.weights16) isa_ = Isa::scalar;
  const bool in_parts = isa_ != Isa::scalar;
  const int64_t width = spec.weights16 ? 2 : 1;
  Layout layout;
  const size_t weights_at = layout.add<std::byte>(in_parts ? 0 : count * width);
  const size_t start_at = layout.add<int64_t>(spec.rows * groups);
  const size_t scale_at = layout.add<float>(spec.rows * groups);
  // Padded as the parts' vectors are.
  const size_t bias_at = layout.add<float>(spec.bias_real ? round_up(spec.rows, kPacking[isa_].lanes) : 0);
  memory_ = PooledBytes(layout.bytes(), spec.memory);
  auto* start = at<int64_t>(memory_, start_at);
  auto* scale = at<float>(memory_, scale_at);
  if (!in_parts) {
    packed_bytes_ = static_cast<size_t>(count * width);
    std::memcpy(memory_.data() + weights_at, spec.weights16 ? static_cast<const void*>(spec.weights16) : spec.weights,
                packed_bytes_);
  }
  // The bound holds for every part of a row, too.
  std::vector<int64_t> most(spec.rows, 0);
  for (int64_t r = 0; r < spec.rows; ++r)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t sum = 0;
      for (int64_t k = g * size; k < std::min(spec.cols, (g + 1) * size); ++k)
        sum += spec.weights16 ? spec.weights16[r * spec.cols + k] : spec.weights[r * spec.cols + k];
      start[r * groups + g] = spec.bias ? spec.bias[r] : -spec.zero_x * sum;
      most[r] += std::abs(start[r * groups + g]);
    }
  plan_.wide = (spec.weights16 ? accumulator_bits(spec.weights16, spec.rows, spec.cols, most.data(), spec.x_bits)
                               : accumulator_bits(spec.weights, spec.rows, spec.cols, most.data(), spec.x_bits)) == 64;
  std::copy_n(spec.scale, spec.rows * groups, scale);
  if (spec.bias_real) std::copy_n(spec.bias_real, spec.rows, at<float>(memory_, bias_at));
  groups_ = {.rows = spec.rows,
             .cols = spec.cols,
             .group_size = size,
             .groups = groups,
             .weights = spec.weights16 ? nullptr : at<int8_t>(memory_, weights_at),
             .weights16 = spec.weights16 ? at<int16_t>(memory_, weights_at) : nullptr,
             .start = start,
             .scale = scale,
             .bias = spec.bias_real ? at<float>(memory_, bias_at) : nullptr,
             .x_bits = spec.x_bits,
             .y_bits = spec.y_bits,
             .low = plan_.low,
             .high = plan_.high,
             .zero = plan_.zero};
  if (!in_parts) return;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * size, columns = std::min(size, spec.cols - first);
    std::vector<int8_t> weights;
    std::vector<int64_t> part_start;
    std::vector<float> part_scale;
    for (int64_t r = 0; r < spec.rows; ++r) {
      const int8_t* row = spec.weights + r * spec.cols + first;
      weights.insert(weights.end(), row, row + columns);
      part_start.push_back(start[r * groups + g]);
      part_scale.push_back(scale[r * groups + g]);
    }
    parts_.emplace_back(DenseSpec{.rows = spec.rows,
                                  .cols = columns,
                                  .weights = weights.data(),
                                  .bias = part_start.data(),
                                  .scale = part_scale.data(),
                                  .x_bits = spec.x_bits,
                                  .y_bits = 32,
                                  .weight_bits = spec.weight_bits,
                                  .memory = spec.memory},
                        isa_);
    packed_bytes_ += parts_.back().packed_bytes();
  }
  parts_.back().plan_.bias_real = groups_.bias;
  size_t part_scratch = 0;
  for (const DenseKernel& part : parts_) part_scratch = std::max(part_scratch, part.scratch_bytes_);
  // Sums so far of one block, before they are narrowed.
  product_scratch_ = static_cast<size_t>(round_up(kDenseBlock * spec.rows * int64_t{sizeof(float)}, 64)) +
                     static_cast<size_t>(round_up(static_cast<int64_t>(part_scratch), 64));
  scratch_bytes_ = product_scratch_;
}

void DenseKernel::run_grouped(const void* x, int64_t n, const float* row_scale, void* y, void* scratch) const noexcept {
  if (parts_.empty()) {
    dense_groups(groups_, x, n, row_scale, y);
    return;
  }
  const int64_t rows = plan_.rows, width = plan_.x_bits / 8;
  auto* totals = static_cast<float*>(scratch);
  float* rest = totals + round_up(kDenseBlock * rows, 16);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    float* t = plan_.y_bits == 32 ? static_cast<float*>(y) + first * rows : totals;
    for (int64_t g = 0; g < groups_.groups; ++g)
      parts_[g].run_(parts_[g].plan_,
                     {.x = static_cast<const std::byte*>(x) + (first * plan_.cols + g * groups_.group_size) * width,
                      .x_stride = plan_.cols * width,
                      .n = here,
                      .y = t,
                      .scratch = rest,
                      .row_scale = row_scale ? row_scale + first : nullptr,
                      .add = g > 0});
    if (plan_.y_bits == 16)
      quantize_s16(t, here * rows, 1.0f, plan_.zero, static_cast<int16_t*>(y) + first * rows, isa_);
    else if (plan_.y_bits == 8)
      quantize_s8(t, here * rows, 1.0f, plan_.zero, static_cast<int8_t*>(y) + first * rows, isa_);
  }
}

void DenseKernel::pack(const DenseSpec& spec) {
  std::vector<int64_t> sums(spec.rows), magnitudes(spec.rows);
  row_sums(spec.weights, spec.rows, spec.cols, sums.data(), magnitudes.data(), isa_);
  plan_.wide = accumulator_bits(magnitudes, spec.bias, spec.x_bits) == 64;
  QTK_CHECK(!plan_.wide || !spec.raw_sums, ValueError, "[dense] raw sums, were of 64 bits, expected to fit int32");
  if (!planes_fit(magnitudes, 1)) isa_ = Isa::scalar;  // more than 60,000 columns; the oracle sums in 64 bits
  run_ = kDense[isa_];
  const DensePacking packing = kPacking[isa_];
  plan_.steps = (spec.cols + packing.depth - 1) / packing.depth;
  plan_.blocks = (spec.rows + packing.lanes - 1) / packing.lanes;
  // A nibble counts 16-fold until the end.
  plan_.nibbles = isa_ == Isa::avx512vnni && spec.weight_bits == 4 && planes_fit(magnitudes, 16);
  if (plan_.nibbles) plan_.steps += plan_.steps % 2;

  const int64_t padded_rows = plan_.blocks * packing.lanes, step_bytes = packing.lanes * packing.depth;
  const int64_t block_bytes = plan_.steps * step_bytes / (plan_.nibbles ? 2 : 1);
  packed_bytes_ = static_cast<size_t>(plan_.blocks * block_bytes);
  Layout layout;
  const size_t weights_at = layout.add<int8_t>(plan_.blocks * block_bytes);
  const size_t start_at = layout.add<int32_t>(padded_rows), high_at = layout.add<int32_t>(padded_rows);
  const size_t scale_at = layout.add<float>(padded_rows), bias_at = layout.add<int64_t>(padded_rows);
  const size_t real_at = layout.add<float>(spec.bias_real ? padded_rows : 0);
  memory_ = PooledBytes(layout.bytes(), spec.memory);
  auto* weights = at<int8_t>(memory_, weights_at);
  auto *start = at<int32_t>(memory_, start_at), *start_high = at<int32_t>(memory_, high_at);
  auto* scale = at<float>(memory_, scale_at);
  auto* bias = at<int64_t>(memory_, bias_at);

  if (isa_ == Isa::scalar) std::copy_n(spec.weights, spec.rows * spec.cols, weights);
  std::vector<int8_t> group;  // of bytes, before they become nibbles
  for (int64_t first = 0; isa_ != Isa::scalar && first < plan_.blocks; first += kDenseGroup) {
    const int64_t blocks = std::min(kDenseGroup, plan_.blocks - first), stride = blocks * step_bytes;
    int8_t* out = weights + first * block_bytes;
    if (plan_.nibbles) {
      group.assign(plan_.steps * stride, 0);
      out = group.data();
    }
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t row = (first + b) * packing.lanes;
      pack_columns(spec.weights + row * spec.cols, std::min(packing.lanes, spec.rows - row), spec.cols, packing.depth,
                   stride, out + b * step_bytes, isa_);
    }
    if (!plan_.nibbles) continue;
    QTK_CHECK(to_nibbles(out, plan_.steps / 2, stride, weights + first * block_bytes, isa_), ValueError,
              "[dense] weights of 4 bits, some were outside of [-8, 7]");
  }

  // Unsigned bytes meet the weights in vpdpbusd: x + 128 (or hi + 128) there, undone by 128 times the row sum here.
  const int64_t excess = isa_ == Isa::avx512vnni || isa_ == Isa::avxvnni ? 128 : 0;
  for (int64_t r = 0; r < spec.rows; ++r) {
    bias[r] = spec.bias ? spec.bias[r] : 0;
    scale[r] = spec.raw_sums ? 1.0f : spec.scale[r];
    // Modulo 2^32 throughout: the finished sum is proved to fit.
    const int64_t offset = -excess * sums[r];
    if (plan_.wide) {
      (spec.x_bits == 16 ? start_high : start)[r] = static_cast<int32_t>(offset);
    } else {
      start[r] = static_cast<int32_t>(bias[r] + (spec.x_bits == 16 ? offset * 256 : offset));
    }
  }
  plan_.weights = weights;
  plan_.bias = bias, plan_.scale = scale;
  if (spec.bias_real) {
    std::copy_n(spec.bias_real, spec.rows, at<float>(memory_, real_at));
    plan_.bias_real = at<float>(memory_, real_at);
  }
  plan_.start = start, plan_.start_high = start_high;
  // Converted inputs: at most two planes of int16 (AVX2) or bytes (AVX-512) per column; and a group of widened nibbles.
  product_scratch_ = isa_ == Isa::scalar ? 0 : kDenseBlock * round_up(plan_.steps * packing.depth * 4, 64) + 64;
  if (plan_.nibbles) product_scratch_ += static_cast<size_t>(kDenseGroup * step_bytes * plan_.steps);
  scratch_bytes_ = product_scratch_;
}

void DenseKernel::run_codes(const int8_t* codes, const float* row_scale, int64_t n, float* y,
                            void* scratch) const noexcept {
  if (grouped_) {
    run_grouped(codes, n, row_scale, y, scratch);
    return;
  }
  DenseCall scaled = call(codes, n, y, scratch);
  scaled.row_scale = row_scale;
  run_(plan_, scaled);
}

void DenseKernel::run_scaled(const float* x, const float* row_scale, int64_t n, float* y,
                             void* scratch) const noexcept {
  auto* codes = static_cast<int8_t*>(scratch) + product_scratch_ + kDenseBlock * sizeof(float);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    for (int64_t i = 0; i < here; ++i)
      quantize_symmetric_s8(x + (first + i) * plan_.cols, plan_.cols, row_scale[first + i], codes + i * plan_.cols,
                            quantize_isa_);
    run_codes(codes, row_scale + first, here, y + first * plan_.rows, scratch);
  }
}

void DenseKernel::run_dynamic(const float* x, int64_t n, float* y, void* scratch) const noexcept {
  auto* scales = reinterpret_cast<float*>(static_cast<std::byte*>(scratch) + product_scratch_);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    dynamic_scales(x + first * plan_.cols, here, plan_.cols, scales, quantize_isa_);
    run_scaled(x + first * plan_.cols, scales, here, y + first * plan_.rows, scratch);
  }
}

}  // namespace quantick::kernels
