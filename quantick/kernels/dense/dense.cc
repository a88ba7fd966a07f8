#include "quantick/kernels/dense/dense.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<DenseRun> kDense{dense_s8_scalar, dense_s8_avx2, dense_s8_avx512vnni};
constexpr KernelList<DensePacking> kPacking{{1, 1}, kPackingAvx2, kPackingAvx512vnni};

constexpr int64_t kMaximumSum = int64_t{1} << 53;  // beyond it, accumulator to float32 through double rounds twice
constexpr float kSmallestScale = 0x1p-100f;
constexpr float kLargestScale = 0x1p95f;

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

int64_t absolute_row_sum(const int8_t* row, int64_t cols) {
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

void check(const DenseSpec& spec) {
  QTK_CHECK(spec.rows > 0 && spec.cols > 0, ValueError, "[dense] weights, were [{}, {}], expected at least [1, 1]",
            spec.rows, spec.cols);
  QTK_CHECK(spec.weights && spec.scale, ValueError, "[dense] weights or scale missing");
  QTK_CHECK(spec.x_bits == 8 || spec.x_bits == 16, ValueError, "[dense] x_bits, was {}, expected 8 or 16", spec.x_bits);
  QTK_CHECK(spec.y_bits == 8 || spec.y_bits == 16 || spec.y_bits == 32, ValueError,
            "[dense] y_bits, was {}, expected 8, 16 or 32 (float32)", spec.y_bits);
  QTK_CHECK(std::abs(int64_t{spec.zero_y}) <= 32768, ValueError, "[dense] zero_y, was {}, expected within int16",
            spec.zero_y);
  for (int64_t r = 0; r < spec.rows; ++r) {
    const float s = spec.scale[r];
    if (spec.y_bits == 32)
      QTK_CHECK(std::isfinite(s), ValueError, "[dense] scale of row {}, was {}, expected a finite number", r, s);
    else
      QTK_CHECK(s >= kSmallestScale && s <= kLargestScale, ValueError,
                "[dense] scale of row {}, was {}, expected within [2^-100, 2^95]", r, s);
  }
}

}  // namespace

int accumulator_bits(const int8_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits) {
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

DenseKernel::DenseKernel(const DenseSpec& spec, Isa isa) : isa_(isa) {
  check(spec);
  plan_.wide = accumulator_bits(spec.weights, spec.rows, spec.cols, spec.bias, spec.x_bits) == 64;
  if (!planes_fit(spec)) isa_ = Isa::scalar;  // more than 60,000 columns; the oracle sums in 64 bits
  run_ = kDense[isa_];
  const DensePacking packing = kPacking[isa_];
  plan_.rows = spec.rows, plan_.cols = spec.cols;
  plan_.steps = (spec.cols + packing.depth - 1) / packing.depth;
  plan_.blocks = (spec.rows + packing.lanes - 1) / packing.lanes;
  plan_.x_bits = spec.x_bits, plan_.y_bits = spec.y_bits;
  if (spec.y_bits != 32) {
    const OutputLimits limits = output_limits(spec.y_bits, spec.zero_y);
    plan_.low = limits.low, plan_.high = limits.high, plan_.zero = limits.zero;
  }

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
    scale_[r] = spec.scale[r];
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
  scratch_bytes_ = isa_ == Isa::scalar ? 0 : kDenseBlock * round_up(plan_.steps * packing.depth * 4, 64) + 64;
}

}  // namespace quantick::kernels
