#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantick {

/// Up to eight extents, kept inline. Also used for strides (in elements) and axis lists.
class Shape {
 public:
  static constexpr int kMaxDims = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents);
  explicit Shape(std::span<const int64_t> extents);
  explicit Shape(const std::vector<int64_t>& extents) : Shape(std::span<const int64_t>(extents)) {}

  int ndim() const { return ndim_; }
  /// Extent of an axis; negative axes count from the end. Throws IndexError.
  int64_t operator[](int axis) const { return extents_[static_cast<size_t>(normalize_axis(axis))]; }
  int64_t& operator[](int axis) { return extents_[static_cast<size_t>(normalize_axis(axis))]; }
  /// Product of the extents; 1 for a scalar.
  int64_t size() const;
  /// 0 <= axis < ndim, or IndexError.
  int normalize_axis(int axis) const;

  const int64_t* begin() const { return extents_.data(); }
  const int64_t* end() const { return extents_.data() + ndim_; }
  int64_t* begin() { return extents_.data(); }
  int64_t* end() { return extents_.data() + ndim_; }

  void push_back(int64_t extent);
  void insert(int axis, int64_t extent);
  void erase(int axis);
  std::vector<int64_t> to_vector() const { return {begin(), end()}; }
  /// "(2, 3)", "(5,)", "()".
  std::string text() const;

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<int64_t, kMaxDims> extents_{};
  int ndim_ = 0;
};

/// The shape two arrays broadcast to (NumPy's rule). Throws ShapeError that names both; `who` stands in brackets.
Shape broadcast_shapes(const Shape& a, const Shape& b, std::string_view who);

/// Strides in elements of a contiguous row-major array.
Shape row_major_strides(const Shape& shape);

}  // namespace quantick
