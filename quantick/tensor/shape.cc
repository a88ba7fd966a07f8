#include "quantick/tensor/shape.h"

#include <algorithm>

#include "quantick/core/error.h"

namespace quantick {

Shape::Shape(std::initializer_list<int64_t> extents)
    : Shape(std::span<const int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const int64_t> extents) {
  for (int64_t extent : extents) push_back(extent);
}

int64_t Shape::size() const {
  int64_t n = 1;
  bool overflow = false, none = false;
  for (const int64_t extent : *this) {
    if (extent == 0)
      none = true;  // the other extents still make strides
    else
      overflow |= __builtin_mul_overflow(n, extent, &n);
  }
  QTK_CHECK(!overflow, ShapeError, "[shape] extents of {}, multiply to more than 2^63", text());
  return none ? 0 : n;
}

int Shape::normalize_axis(int axis) const {
  QTK_CHECK(axis >= -ndim_ && axis < ndim_, IndexError, "[shape] axis, was {}, expected {}..{}", axis, -ndim_,
            ndim_ - 1);
  return axis < 0 ? axis + ndim_ : axis;
}

void Shape::push_back(int64_t extent) {
  QTK_CHECK(ndim_ < kMaxDims, ShapeError, "[shape] dimensions, was more than {}", kMaxDims);
  extents_[static_cast<size_t>(ndim_++)] = extent;
}

void Shape::insert(int axis, int64_t extent) {
  QTK_CHECK(axis >= 0 && axis <= ndim_, IndexError, "[shape] axis to insert, was {}, expected 0..{}", axis, ndim_);
  push_back(extent);
  std::rotate(begin() + axis, end() - 1, end());
}

void Shape::erase(int axis) {
  axis = normalize_axis(axis);
  std::copy(begin() + axis + 1, end(), begin() + axis);
  --ndim_;
}

std::string Shape::text() const {
  std::string out = "(";
  for (int i = 0; i < ndim_; ++i) out += (i == 0 ? "" : ", ") + std::to_string(extents_[static_cast<size_t>(i)]);
  return out + (ndim_ == 1 ? ",)" : ")");
}

bool operator==(const Shape& a, const Shape& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

Shape broadcast_shapes(const Shape& a, const Shape& b, std::string_view who) {
  const int ndim = std::max(a.ndim(), b.ndim());
  Shape out;
  for (int i = 0; i < ndim; ++i) {
    const int ia = i - (ndim - a.ndim()), ib = i - (ndim - b.ndim());
    const int64_t ea = ia < 0 ? 1 : a[ia], eb = ib < 0 ? 1 : b[ib];
    QTK_CHECK(ea == eb || ea == 1 || eb == 1, ShapeError,
              "[{}] shapes {} and {} do not broadcast: axis {} has {} and {}", who, a.text(), b.text(), i, ea, eb);
    out.push_back(ea == 1 ? eb : ea);
  }
  return out;
}

Shape row_major_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t step = 1;
  for (int i = shape.ndim() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

}  // namespace quantick
