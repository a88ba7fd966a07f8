#pragma once
// Walks over strided arrays in row-major order. Used by copies and by operators' slow paths.
#include <cstdint>

#include "quantick/tensor/shape.h"

namespace quantick {

/// Calls f(offset) with the element offset of each index of `shape`, last axis fastest.
template <class F>
void for_each_offset(const Shape& shape, const Shape& strides, F&& f) {
  const int ndim = shape.ndim();
  if (shape.size() == 0) return;
  if (ndim == 0) return f(int64_t{0});
  Shape index = shape;
  for (auto& i : index) i = 0;
  const int64_t inner = shape[-1], inner_stride = strides[-1];
  int64_t base = 0;
  while (true) {
    for (int64_t i = 0; i < inner; ++i) f(base + i * inner_stride);
    int axis = ndim - 2;
    for (; axis >= 0; --axis) {
      base += strides[axis];
      if (++index[axis] < shape[axis]) break;
      base -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace quantick
