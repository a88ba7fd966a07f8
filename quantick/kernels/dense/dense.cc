#include "quantick/kernels/dense/dense.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<DenseRun> kDense{dense_s8_scalar, dense_s8_avx2, dense_s8_avx512vnni};
constexpr KernelList<DensePacking> kPacking{{1, 1}, kPackingAvx2, kPackingAvx512vnni};

constexpr int64_t kMaximumSum = int64_t{1} << 53;  // beyond it, accumulator to float32 through double rounds twice
constexpr float kSmallestScale = 0x1p-100f;
constexpr float kLargestScale = 0x1p95f;

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

template <class W>
int64_t absolute_row_sum(const W* row, int64_t cols) {
  int64_t sum = 0;
  for (int64_t k = 0; k < cols; ++k) sum += std::abs(int{row[k]});
  return sum;
}

/// Whether both byte-plane sums of every row fit int32 whatever x is: |hi + 128| and lo reach 255.
bool planes_fit(const DenseSpec& spec) {
  for (int64_t r = 0; r < spec.rows; ++r)
    if (absolute_row_sum(spec.weights + r * spec.cols, spec.cols) * 255 >= int64_t{1} << 31) return false;
  return true;
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

template <class W>
int proved_bits(const W* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits) {
  int64_t worst = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t b = bias ? bias[r] : 0;
    QTK_CHECK(b > -kMaximumSum && b < kMaximumSum, ValueError, "[dense] bias of row {}, was {}, expected below 2^53", r,
              b);
    const int64_t sum = (absolute_row_sum(weights + r * cols, cols) << (x_bits - 1)) + std::abs(b);
    QTK_CHECK(sum < kMaximumSum, ValueError, "[dense] accumulator of row {} can reach {}, expected below 2^53", r, sum);
    worst = std::max(worst, sum);
  }
  return worst < int64_t{1} << 31 ? 32 : 64;
}

}  // namespace

int accumulator_bits(const int8_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits) {
  return proved_bits(weights, rows, cols, bias, x_bits);
}
int accumulator_bits(const int16_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits) {
  return proved_bits(weights, rows, cols, bias, x_bits);
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
    if (!grouped_) {
      real_scale_.assign(spec.scale, spec.scale + spec.rows);
      real_bias_.assign(spec.rows, 0.0f);
      if (spec.bias_real) std::copy_n(spec.bias_real, spec.rows, real_bias_.begin());
    }
    scratch_bytes_ += static_cast<size_t>(round_up(kDenseBlock * (spec.cols + int64_t{sizeof(float)}), 64));
  }
}

void DenseKernel::pack_groups(const DenseSpec& spec) {
  const int64_t count = spec.rows * spec.cols, groups = group_count(spec);
  const int64_t size = spec.group_size > 0 ? std::min(spec.group_size, spec.cols) : spec.cols;
  // The bound holds for every part of a row, too.
  std::vector<int64_t> most(spec.rows, 0);
  if (spec.weights16) {
    wide_weights_.assign(spec.weights16, spec.weights16 + count);
  } else {
    packed_.assign((count + 63) / 64, Line{});
    std::copy_n(spec.weights, count, packed_.front().bytes);
  }
  bias_.assign(spec.rows * groups, 0);
  for (int64_t r = 0; r < spec.rows; ++r)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t sum = 0;
      for (int64_t k = g * size; k < std::min(spec.cols, (g + 1) * size); ++k)
        sum += spec.weights16 ? spec.weights16[r * spec.cols + k] : spec.weights[r * spec.cols + k];
      bias_[r * groups + g] = spec.bias ? spec.bias[r] : -spec.zero_x * sum;
      most[r] += std::abs(bias_[r * groups + g]);
    }
  plan_.wide = (spec.weights16 ? proved_bits(spec.weights16, spec.rows, spec.cols, most.data(), spec.x_bits)
                               : proved_bits(spec.weights, spec.rows, spec.cols, most.data(), spec.x_bits)) == 64;
  real_scale_.assign(spec.scale, spec.scale + spec.rows * groups);
  if (spec.bias_real) real_bias_.assign(spec.bias_real, spec.bias_real + spec.rows);
  groups_ = {.rows = spec.rows,
             .cols = spec.cols,
             .group_size = size,
             .groups = groups,
             .weights = spec.weights16 ? nullptr : packed_.front().bytes,
             .weights16 = spec.weights16 ? wide_weights_.data() : nullptr,
             .start = bias_.data(),
             .scale = real_scale_.data(),
             .bias = spec.bias_real ? real_bias_.data() : nullptr,
             .x_bits = spec.x_bits,
             .y_bits = spec.y_bits,
             .low = plan_.low,
             .high = plan_.high,
             .zero = plan_.zero};
  if (spec.weights16) isa_ = Isa::scalar;
  if (isa_ == Isa::scalar) return;
  const std::vector<float> ones(spec.rows, 1.0f);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * size, columns = std::min(size, spec.cols - first);
    std::vector<int8_t> weights;
    std::vector<int64_t> start;
    for (int64_t r = 0; r < spec.rows; ++r) {
      const int8_t* row = spec.weights + r * spec.cols + first;
      weights.insert(weights.end(), row, row + columns);
      start.push_back(bias_[r * groups + g]);
      part_scale_.push_back(spec.scale[r * groups + g]);
    }
    parts_.emplace_back(DenseSpec{.rows = spec.rows,
                                  .cols = columns,
                                  .weights = weights.data(),
                                  .bias = start.data(),
                                  .scale = ones.data(),
                                  .x_bits = spec.x_bits,
                                  .y_bits = 32},
                        isa_);
  }
  packed_.clear();
  groups_.weights = nullptr;
  // Of one block: the inputs of a group, its sums, and all sums so far.
  part_scratch_ = round_up(kDenseBlock * size * spec.x_bits / 8, 64);
  product_scratch_ = part_scratch_ + 2 * round_up(kDenseBlock * spec.rows * int64_t{sizeof(float)}, 64) +
                     round_up(static_cast<int64_t>(parts_.front().scratch_bytes()), 64);
  scratch_bytes_ = product_scratch_;
}

void DenseKernel::run_grouped(const void* x, int64_t n, const float* row_scale, void* y, void* scratch) const noexcept {
  if (parts_.empty()) {
    dense_groups(groups_, x, n, row_scale, y);
    return;
  }
  const int64_t rows = plan_.rows, width = plan_.x_bits / 8;
  auto* gathered = static_cast<std::byte*>(scratch);
  auto* sums = reinterpret_cast<float*>(gathered + part_scratch_);
  float* totals = sums + round_up(kDenseBlock * rows, 16);
  float* rest = totals + round_up(kDenseBlock * rows, 16);
  for (int64_t first = 0; first < n; first += kDenseBlock) {
    const int64_t here = std::min(kDenseBlock, n - first);
    float* t = plan_.y_bits == 32 ? static_cast<float*>(y) + first * rows : totals;
    const auto* from = static_cast<const std::byte*>(x) + first * plan_.cols * width;
    for (int64_t g = 0; g < groups_.groups; ++g, from += groups_.group_size * width) {
      const DenseKernel& part = parts_[g];
      const int64_t bytes = part.cols() * width;
      for (int64_t i = 0; i < here; ++i) std::memcpy(gathered + i * bytes, from + i * plan_.cols * width, bytes);
      part.run(gathered, here, sums, rest);
      const float* scale = part_scale_.data() + g * rows;
      for (int64_t i = 0; i < here; ++i) {
        const float factor = row_scale ? row_scale[first + i] : 1.0f;
        const float* sum = sums + i * rows;
        float* to = t + i * rows;
        if (g == 0)
          for (int64_t r = 0; r < rows; ++r) to[r] = sum[r] * (factor * scale[r]);
        else
          for (int64_t r = 0; r < rows; ++r) to[r] = to[r] + sum[r] * (factor * scale[r]);
      }
    }
    if (groups_.bias)
      for (int64_t i = 0; i < here; ++i)
        for (int64_t r = 0; r < rows; ++r) t[i * rows + r] = t[i * rows + r] + groups_.bias[r];
    if (plan_.y_bits == 16)
      quantize_s16(t, here * rows, 1.0f, plan_.zero, static_cast<int16_t*>(y) + first * rows, isa_);
    else if (plan_.y_bits == 8)
      quantize_s8(t, here * rows, 1.0f, plan_.zero, static_cast<int8_t*>(y) + first * rows, isa_);
  }
}

size_t DenseKernel::packed_bytes() const {
  size_t bytes = packed_.size() * sizeof(Line) + wide_weights_.size() * sizeof(int16_t);
  for (const DenseKernel& part : parts_) bytes += part.packed_bytes();
  return bytes;
}

void DenseKernel::pack(const DenseSpec& spec) {
  plan_.wide = accumulator_bits(spec.weights, spec.rows, spec.cols, spec.bias, spec.x_bits) == 64;
  QTK_CHECK(!plan_.wide || !spec.raw_sums, ValueError, "[dense] raw sums, were of 64 bits, expected to fit int32");
  if (!planes_fit(spec)) isa_ = Isa::scalar;  // more than 60,000 columns; the oracle sums in 64 bits
  run_ = kDense[isa_];
  const DensePacking packing = kPacking[isa_];
  plan_.steps = (spec.cols + packing.depth - 1) / packing.depth;
  plan_.blocks = (spec.rows + packing.lanes - 1) / packing.lanes;

  const int64_t padded_rows = plan_.blocks * packing.lanes;
  bias_.assign(padded_rows, 0);
  scale_.assign(padded_rows, 0);
  start_.assign(padded_rows, 0);
  start_high_.assign(padded_rows, 0);
  packed_.assign((padded_rows * plan_.steps * packing.depth + 63) / 64, Line{});
  int8_t* out = packed_.front().bytes;
  // Unsigned bytes meet the weights in vpdpbusd: x + 128 (or hi + 128) there, undone by 128 times the row sum here.
  const int64_t excess = isa_ == Isa::avx512vnni ? 128 : 0;
  for (int64_t r = 0; r < spec.rows; ++r) {
    const int8_t* row = spec.weights + r * spec.cols;
    const int64_t block = r / packing.lanes, lane = r % packing.lanes;
    const int64_t first = block / kDenseGroup * kDenseGroup;
    const int64_t in_group = std::min(kDenseGroup, plan_.blocks - first);
    const int64_t bytes = packing.lanes * packing.depth;  // of one block in one step
    int8_t* group = out + first * bytes * plan_.steps + (block - first) * bytes + lane * packing.depth;
    int64_t sum = 0;
    for (int64_t k = 0; k < spec.cols; ++k) {
      sum += row[k];
      if (isa_ == Isa::scalar)
        out[r * spec.cols + k] = row[k];
      else
        group[k / packing.depth * in_group * bytes + k % packing.depth] = row[k];
    }
    bias_[r] = spec.bias ? spec.bias[r] : 0;
    scale_[r] = spec.dynamic || spec.raw_sums ? 1.0f : spec.scale[r];  // dynamic: the exact sum comes back as float32
    // Modulo 2^32 throughout: the finished sum is proved to fit.
    const int64_t offset = -excess * sum;
    if (plan_.wide) {
      (spec.x_bits == 16 ? start_high_ : start_)[r] = static_cast<int32_t>(offset);
    } else {
      start_[r] = static_cast<int32_t>(bias_[r] + (spec.x_bits == 16 ? offset * 256 : offset));
    }
  }
  plan_.weights = out;
  plan_.bias = bias_.data(), plan_.scale = scale_.data();
  plan_.start = start_.data(), plan_.start_high = start_high_.data();
  // Converted inputs: at most two planes of int16 (AVX2) or bytes (AVX-512) per column.
  product_scratch_ = isa_ == Isa::scalar ? 0 : kDenseBlock * round_up(plan_.steps * packing.depth * 4, 64) + 64;
  scratch_bytes_ = product_scratch_;
}

void DenseKernel::run_codes(const int8_t* codes, const float* row_scale, int64_t n, float* y,
                            void* scratch) const noexcept {
  if (grouped_) {
    run_grouped(codes, n, row_scale, y, scratch);
    return;
  }
  run_(plan_, nullptr, codes, n, y, scratch);
  const float *scale = real_scale_.data(), *bias = real_bias_.data();
  for (int64_t i = 0; i < n; ++i, y += plan_.rows) {
    const float s = row_scale[i];
    for (int64_t r = 0; r < plan_.rows; ++r) y[r] = y[r] * (s * scale[r]) + bias[r];
  }
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
