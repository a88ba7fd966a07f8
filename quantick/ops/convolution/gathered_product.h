#pragma once
// A convolution inside a fixed-bits program: one product of the weight matrix [out, taps * in] and rows gathered from
// x, taps in their order and channels within a tap (docs/numerics.md, section 8).
// With groups, one such product each.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/ops/lowered_product.h"

namespace quantick {

/// Constants for weight [out, in, taps...] of all groups, and bias [out] or undefined. Scales are chosen group by
/// group.
std::vector<NamedArray> lower_gathered(const LowerCall& call, int64_t groups, std::string_view who);

/// What the constants of a group are prefixed with.
std::string group_prefix(int64_t groups, int64_t group);

class GatheredProduct {
 public:
  /// Rows at one time.
  static constexpr int64_t kRows = 64;

  /// Throws FormatError where the constants do not fit the sizes.
  GatheredProduct(const PrepareCall& call, int64_t groups, int64_t taps, int64_t in);

  int64_t groups() const { return static_cast<int64_t>(products_.size()); }
  int64_t out() const { return products_.front().rows(); }  ///< channels of a group
  int64_t in() const { return in_; }
  int64_t taps() const { return taps_; }
  bool dynamic() const { return products_.front().dynamic(); }
  int64_t element() const { return element_; }  ///< bytes of one x
  int64_t result() const { return result_; }    ///< bytes of one y

  int64_t scratch_bytes() const;
  /// Where a caller gathers up to kRows rows [taps, in].
  std::byte* rows(void* scratch) const noexcept { return static_cast<std::byte*>(scratch); }
  /// The product of group `group` with n gathered rows: [n, out], in the scratch. `row_scale` [n] or null: scales of
  /// dynamic rows.
  const std::byte* run(int64_t group, int64_t n, const float* row_scale, void* scratch) const noexcept;

 private:
  std::vector<LoweredProduct> products_;
  int64_t taps_, in_, element_, result_;
};

}  // namespace quantick
