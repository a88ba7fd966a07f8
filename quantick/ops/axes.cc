#include "quantick/ops/axes.h"

#include <algorithm>

#include "quantick/core/error.h"

namespace quantick {

int normalize_axis(int64_t axis, int ndim, std::string_view who) {
  QTK_CHECK(axis >= -ndim && axis < ndim, IndexError, "[{}] axis, was {}, expected {}..{}", who, axis, -ndim, ndim - 1);
  return static_cast<int>(axis < 0 ? axis + ndim : axis);
}

std::vector<int> normalize_axes(const std::vector<int64_t>& axes, int ndim, std::string_view who) {
  std::vector<int> out;
  if (axes.empty())
    for (int i = 0; i < ndim; ++i) out.push_back(i);
  for (const int64_t axis : axes) out.push_back(normalize_axis(axis, ndim, who));
  std::sort(out.begin(), out.end());
  QTK_CHECK(std::adjacent_find(out.begin(), out.end()) == out.end(), ValueError, "[{}] axes hold one axis twice", who);
  return out;
}

Shape reduced_shape(const Shape& shape, std::span<const int> axes, bool keepdims) {
  Shape out;
  for (int i = 0; i < shape.ndim(); ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (!reduced)
      out.push_back(shape[i]);
    else if (keepdims)
      out.push_back(1);
  }
  return out;
}

Array reduced_last(const Array& x, std::span<const int> axes) {
  std::vector<int> order;
  int64_t n = 1;
  for (int i = 0; i < x.ndim(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(i);
  int64_t rows = 1;
  for (const int axis : order) rows *= x.shape()[axis];
  for (const int axis : axes) {
    order.push_back(axis);
    n *= x.shape()[axis];
  }
  return x.transpose(order).contiguous().reshape({rows, n});
}

Array move_axis_last(const Array& x, int axis) {
  const int a = x.shape().normalize_axis(axis);
  std::vector<int> order;
  for (int i = 0; i < x.ndim(); ++i)
    if (i != a) order.push_back(i);
  order.push_back(a);
  return x.transpose(order);
}

Array move_last_axis(const Array& x, int axis) {
  const int a = x.shape().normalize_axis(axis);
  std::vector<int> order;
  for (int i = 0; i + 1 < x.ndim(); ++i) order.push_back(i);
  order.insert(order.begin() + a, x.ndim() - 1);
  return x.transpose(order);
}

}  // namespace quantick
