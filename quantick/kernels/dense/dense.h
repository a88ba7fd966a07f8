#pragma once
// The quantized Dense layer (docs/numerics.md, sections 1 and 2):
//   y[n, r] = sat(RNE(f32(sum_k W[r, k] * x[n, k] + b[r]) * scale[r]) + zero_y)
// with exact integer sums, for 8- or 16-bit x. Weights are packed once, for the instruction set chosen then. Every set
// gives the same bits, and the bits of a row do not depend on n.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/kernels/dense/dense_plan.h"

namespace quantick::kernels {

/// The width (32 or 64) that holds every accumulator, proved from the real row sums: sum |w| * 2^(x_bits - 1) + |bias|.
/// Throws ValueError where a sum can reach 2^53. weights [rows, cols], bias [rows] or null for zeros.
int accumulator_bits(const int8_t* weights, int64_t rows, int64_t cols, const int64_t* bias, int x_bits);

struct DenseSpec {
  int64_t rows = 0;
  int64_t cols = 0;
  const int8_t* weights = nullptr;  // [rows, cols], -128..127
  const int64_t* bias = nullptr;    // [rows], the zero point of x folded in; null: zeros
  const float* scale = nullptr;     // [rows]; in [2^-100, 2^95] for integer results
  int32_t zero_y = 0;               // of integer results
  int x_bits = 8;                   // 8 or 16
  int y_bits = 8;                   // 8, 16, or 32: float32 y = f32(accumulator) * scale, not rounded, no zero point
};

class DenseKernel {
 public:
  /// Reads the spec's arrays and keeps none of them. Throws ValueError for widths, scales, sizes or sums out of range.
  explicit DenseKernel(const DenseSpec& spec, Isa isa = active_isa());

  /// x [n, cols] int8 or int16 -> y [n, rows] int8, int16 or float32. No allocation, no locks. The caller's float mode
  /// must be nearest-even with denormals kept (core/float_mode.h). Threads need a scratch each.
  void run(const void* x, int64_t n, void* y, void* scratch) const noexcept { run_(plan_, x, n, y, scratch); }

  /// Bytes of scratch that any run needs, whatever its n.
  size_t scratch_bytes() const { return scratch_bytes_; }

  int64_t rows() const { return plan_.rows; }
  int64_t cols() const { return plan_.cols; }
  int x_bits() const { return plan_.x_bits; }
  int y_bits() const { return plan_.y_bits; }
  int accumulator() const { return plan_.wide ? 64 : 32; }
  Isa isa() const { return isa_; }
  /// Bytes of the packed weights: what a run of one row streams.
  size_t packed_bytes() const { return packed_.size() * sizeof(Line); }

 private:
  struct alignas(64) Line {
    int8_t bytes[64];
  };
  DensePlan plan_;
  DenseRun run_;
  Isa isa_;
  size_t scratch_bytes_;
  std::vector<Line> packed_;
  std::vector<int64_t> bias_;
  std::vector<int32_t> start_, start_high_;
  std::vector<float> scale_;

 public:
  DenseKernel(DenseKernel&&) = default;  // the plan points into the vectors' heap blocks, which move with them
  DenseKernel& operator=(DenseKernel&&) = default;
};

}  // namespace quantick::kernels
