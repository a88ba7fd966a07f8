#pragma once
// Which scale belongs to an element: one for the tensor, one per index of an axis, or one per block along an axis.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "quantick/core/error.h"
#include "quantick/ops/axes.h"
#include "quantick/tensor/array.h"

namespace quantick {

class Granularity {
 public:
  /// x [D0, .., Di, .., Dn], i = axis. A scale of one element serves all; else it is [Di] where block_size is 0, and
  /// [D0, .., ceil(Di / block_size), .., Dn] above. Throws ShapeError where the scale's shape is another.
  Granularity(std::string_view who, const Shape& x, const Shape& scale, int64_t axis, int64_t block_size) {
    QTK_CHECK(block_size >= 0, ValueError, "[{}] block_size, was {}, expected 0 or more", who, block_size);
    if (scale.size() == 1 && scale.ndim() <= 1) return;
    const int at = normalize_axis(axis, x.ndim(), who);
    Shape expected{x[at]};
    if (block_size > 0) {
      expected = x;
      expected[at] = blocks_ = (x[at] + block_size - 1) / block_size;
      block_ = block_size;
    }
    QTK_CHECK(scale == expected, ShapeError, "[{}] scale, was {}, expected {} for x {} along axis {}", who,
              scale.text(), expected.text(), x.text(), axis);
    extent_ = x[at];
    inner_ = 1;
    for (int i = at + 1; i < x.ndim(); ++i) inner_ *= x[i];
  }

  /// Place of the scale of element `i` of x, row-major.
  int64_t operator()(int64_t i) const {
    if (inner_ == 0) return 0;
    const int64_t along = i / inner_ % extent_;
    if (block_ == 0) return along;
    return (i / (inner_ * extent_) * blocks_ + along / block_) * inner_ + i % inner_;
  }

 private:
  int64_t inner_ = 0;  ///< 0: one scale for all
  int64_t extent_ = 0, block_ = 0, blocks_ = 0;
};

}  // namespace quantick
