#pragma once
// Rows along one axis, and lists of axes as attributes carry them.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/tensor/array.h"

namespace quantick {

/// Non-negative. Throws IndexError.
int normalize_axis(int64_t axis, int ndim, std::string_view who);

/// Non-negative, sorted, each once; all axes where the list is empty. Throws IndexError and ValueError.
std::vector<int> normalize_axes(const std::vector<int64_t>& axes, int ndim, std::string_view who);

/// The shape after reducing over normalized axes.
Shape reduced_shape(const Shape& shape, std::span<const int> axes, bool keepdims);

/// `x` as contiguous [rows, n] with the reduced axes last, in their order.
Array reduced_last(const Array& x, std::span<const int> axes);

/// `x` with `axis` moved to the end; a view.
Array move_axis_last(const Array& x, int axis);
/// The inverse of move_axis_last.
Array move_last_axis(const Array& x, int axis);

}  // namespace quantick
