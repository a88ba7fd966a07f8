#pragma once
// The quantized Dense layer (docs/numerics.md, sections 1 and 2):
//   y[n, r] = sat(RNE(f32(sum_k W[r, k] * x[n, k] + b[r]) * scale[r]) + zero_y)
// with exact integer sums, for 8- or 16-bit x. Groups of columns may have a scale each, weights may have up to 16 bits,
// and x may come in float32 with a scale per sample (dynamic). Weights are packed once, for the instruction set chosen
// then. Every set gives the same bits, and the bits of a row do not depend on n.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/core/large_pages.h"
#include "quantick/kernels/dense/dense_plan.h"

namespace quantick::kernels {

/// The width (32 or 64) that holds every accumulator, proved from the real row sums: sum |w| * 2^(x_bits - 1) + |bias|.
/// Throws ValueError where a sum can reach 2^53. weights [rows, cols], bias [rows] or null for zeros.
int accumulator_bits(const int8_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits);
int accumulator_bits(const int16_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits);
/// From the rows' sum |w|.
int accumulator_bits(const std::vector<int64_t>& magnitudes, const int64_t* bias, int x_bits);

struct DenseSpec {
  int64_t rows = 0;
  int64_t cols = 0;
  const int8_t* weights = nullptr;     // [rows, cols], -128..127; or
  const int16_t* weights16 = nullptr;  // [rows, cols], any int16
  const int64_t* bias = nullptr;       // [rows], the zero point of x folded in; null: zeros
  const float* scale = nullptr;        // [rows], or [rows, groups]; in [2^-100, 2^95] for integer results
  int32_t zero_y = 0;                  // of integer results
  int x_bits = 8;                      // 8 or 16
  int y_bits = 8;                      // 8, 16, or 32: float32 y = f32(accumulator) * scale, not rounded, no zero point

  /// Columns that share a scale: t = f32(a_0) * S_0; t = t + f32(a_g) * S_g ascending, the zero point of x taken off
  /// each a_g; y = sat(RNE(t + bias_real) + zero_y), or y = t + bias_real for float32. No integer bias then. 0: one
  /// scale per row.
  int64_t group_size = 0;
  int32_t zero_x = 0;  // with group_size
  /// x comes in float32, or as codes with a scale s per sample: y = f32(a) * (s * scale) + bias_real in float32.
  /// Needs x_bits 8 and y_bits 32; no integer bias.
  bool dynamic = false;
  const float* bias_real = nullptr;  // [rows] in the unit of y, with group_size or dynamic; null: zeros
  /// y [n, rows] int32: the sums themselves, with no scale; y_bits 32. For sums that continue in run_from.
  bool raw_sums = false;
  /// 4: all weights lie in [-8, 7], and an instruction set may stream them as nibbles. The same bits.
  int weight_bits = 8;
  std::shared_ptr<LargePages> memory;  // where packed weights go; null: memory of the kernel's own
};

class DenseKernel {
 public:
  /// Reads the spec's arrays and keeps none of them. Throws ValueError for widths, scales, sizes or sums out of range.
  explicit DenseKernel(const DenseSpec& spec, Isa isa = active_isa());

  /// x [n, cols] int8 or int16 -> y [n, rows] int8, int16 or float32. No allocation, no locks. The caller's float mode
  /// must be nearest-even with denormals kept (core/float_mode.h). Threads need a scratch each. Not for dynamic specs.
  void run(const void* x, int64_t n, void* y, void* scratch) const noexcept {
    if (grouped_)
      run_grouped(x, n, nullptr, y, scratch);
    else
      run_(plan_, call(x, n, y, scratch));
  }

  /// run() with `before` [n, rows] added to the integer sums, e.g. the raw sums of other columns. Plain specs of 8-bit
  /// weights alone, neither groups nor dynamic; the caller has proved that no total leaves int32.
  void run_from(const int32_t* before, const void* x, int64_t n, void* y, void* scratch) const noexcept {
    DenseCall continued = call(x, n, y, scratch);
    continued.before = before;
    run_(plan_, continued);
  }

  // Dynamic specs: x [n, cols] -> y [n, rows] float32.
  /// Each row with the scale of its own largest magnitude (kernels/quantize: dynamic_scale).
  void run_dynamic(const float* x, int64_t n, float* y, void* scratch) const noexcept;
  /// Scales given, row_scale [n]; what they do not reach saturates to +-127.
  void run_scaled(const float* x, const float* row_scale, int64_t n, float* y, void* scratch) const noexcept;
  /// Codes given, made with row_scale [n] (quantize_symmetric_s8).
  void run_codes(const int8_t* codes, const float* row_scale, int64_t n, float* y, void* scratch) const noexcept;

  /// Bytes of scratch that any run needs, whatever its n.
  size_t scratch_bytes() const { return scratch_bytes_; }

  int64_t rows() const { return plan_.rows; }
  int64_t cols() const { return plan_.cols; }
  int x_bits() const { return plan_.x_bits; }
  int y_bits() const { return plan_.y_bits; }
  int accumulator() const { return plan_.wide ? 64 : 32; }
  Isa isa() const { return isa_; }
  /// Bytes of the packed weights: what a run of one row streams.
  size_t packed_bytes() const { return packed_bytes_; }

 private:
  DenseCall call(const void* x, int64_t n, void* y, void* scratch) const noexcept {
    return {.x = x, .x_stride = plan_.cols * plan_.x_bits / 8, .n = n, .y = y, .scratch = scratch};
  }
  void pack(const DenseSpec& spec);
  void pack_groups(const DenseSpec& spec);
  void run_grouped(const void* x, int64_t n, const float* row_scale, void* y, void* scratch) const noexcept;

  DensePlan plan_;
  DenseGroupPlan groups_;
  DenseRun run_ = nullptr;
  Isa isa_;
  Isa quantize_isa_;  // the one asked for, also where the product runs on the oracle
  bool grouped_ = false;
  size_t scratch_bytes_ = 0;
  size_t product_scratch_ = 0;  // of run_; what a dynamic run needs beside it lies behind
  size_t packed_bytes_ = 0;
  PooledBytes memory_;  // packed weights, then what the plans point to beside them
  // One kernel per group, which adds its term to the others': 8-bit weights, on instruction sets that have a fast one.
  std::vector<DenseKernel> parts_;

 public:
  DenseKernel(DenseKernel&&) = default;  // the plans point into the pool, which stays where it is
  DenseKernel& operator=(DenseKernel&&) = default;
};

}  // namespace quantick::kernels
