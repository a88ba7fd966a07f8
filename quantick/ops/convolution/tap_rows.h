#pragma once
// What the weights of a causal convolution meet: for each place of x [steps, batch, columns, channels] the taps of one
// group, oldest first, from the call's steps and from the rows that came before it (docs/numerics.md, section 8).
#include "quantick/ops/integer_form.h"
#include "quantick/ops/past_rows.h"

namespace quantick {

/// Sizes of a causal convolution; columns share the weights.
struct CausalSizes {
  int64_t taps = 1, dilation = 1, groups = 1;
  int64_t columns = 1, channels = 1;  ///< of one row of x
  int64_t in() const { return channels / groups; }
};

class TapRows {
 public:
  TapRows(const CausalSizes& sizes, const TensorFormat& x);

  /// Taps first_tap .. end_tap - 1 of `count` places from the first on, in the order of x: [count, taps, in]. The state
  /// is the one before the call's steps.
  void gather(const IntegerNode::Call& call, int64_t first, int64_t count, int64_t group, int64_t first_tap,
              int64_t end_tap, std::byte* to) const noexcept;

  const CausalSizes& sizes() const { return sizes_; }
  const PastRows& past() const { return past_; }
  int64_t element() const { return element_; }  ///< bytes of one x

 private:
  CausalSizes sizes_;
  int64_t element_;
  bool joined_;  ///< taps lie side by side where their rows do
  PastRows past_;
};

}  // namespace quantick
