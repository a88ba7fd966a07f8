#pragma once
// The product of a causal convolution in two parts that share no weights: the sums of all older taps, which a tick can
// compute ahead, and the newest tap, which goes on from them. Exact, since the sums are integers of 32 bits.
#include <memory>
#include <vector>

#include "quantick/kernels/dense/dense.h"
#include "quantick/ops/convolution/tap_rows.h"

namespace quantick {

class TapProduct {
 public:
  /// Null where the split is not exact or there are no older taps: sums of 64 bits, weights of more than 8 bits, scales
  /// per group of columns, dynamic scales (which look at all taps), float weights; and where constants do not fit,
  /// which is the caller's to report.
  static std::unique_ptr<TapProduct> make(const PrepareCall& call, const CausalSizes& sizes);

  int64_t out() const { return parts_.front().older.rows(); }  ///< channels of a group
  int64_t scratch_bytes() const;
  /// Sums of gathered taps [n, taps - 1, in] -> [n, out].
  void older(int64_t group, const void* taps, int64_t n, int32_t* sums, void* scratch) const noexcept {
    part(group).older.run(taps, n, sums, scratch);
  }
  /// x [n, in] of the newest tap -> y [n, out].
  void newest(int64_t group, const int32_t* sums, const void* x, int64_t n, void* y, void* scratch) const noexcept {
    part(group).newest.run_from(sums, x, n, y, scratch);
  }

 private:
  struct Part {
    kernels::DenseKernel older, newest;
  };
  explicit TapProduct(std::vector<Part> parts) : parts_(std::move(parts)) {}
  const Part& part(int64_t group) const noexcept { return parts_[static_cast<size_t>(group)]; }

  std::vector<Part> parts_;  ///< by group
};

}  // namespace quantick
