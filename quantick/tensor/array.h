#pragma once
// Array: a handle to typed, strided memory. Copying an Array copies the handle; views share the storage.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quantick/tensor/dtype.h"
#include "quantick/tensor/shape.h"

namespace quantick {

/// Dtype and shape: what shape rules and graphs reason about.
struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  std::string text() const;  ///< "float32 (2, 3)"
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

class Array {
 public:
  /// No array; defined() is false and all else throws ValueError.
  Array() = default;
  /// A 0-d float32, so that `x * 0.5f` reads naturally; takes the dtype of the other side in arithmetic.
  Array(float value);   // NOLINT(google-explicit-constructor)
  Array(double value);  // NOLINT(google-explicit-constructor): 0-d float64 weak scalar, see is_weak_scalar()
  Array(int value);     // NOLINT(google-explicit-constructor): 0-d int64 weak scalar

  static Array empty(const Shape& shape, DType dtype = DType::f32);
  static Array zeros(const Shape& shape, DType dtype = DType::f32);
  static Array ones(const Shape& shape, DType dtype = DType::f32);
  static Array full(const Shape& shape, double value, DType dtype = DType::f32);
  /// start, start + step, ... below stop.
  static Array arange(double start, double stop, double step = 1, DType dtype = DType::f32);
  /// Copies `values` (row-major). Throws ShapeError where the count differs.
  template <class T>
  static Array from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Array from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  template <class T>
  static Array from(const std::vector<T>& values) {
    return from(values, Shape{static_cast<int64_t>(values.size())});
  }
  /// Memory of someone else; `owner` keeps it alive. Strides in elements; row-major where empty.
  static Array wrap(void* data, DType dtype, const Shape& shape, std::shared_ptr<void> owner,
                    const Shape& strides = {});
  /// The same for memory that nobody may write into (a column of a frame, a mapped file): the array and its views throw
  /// ValueError where they are asked to.
  static Array wrap_read_only(const void* data, DType dtype, const Shape& shape, std::shared_ptr<void> owner,
                              const Shape& strides = {});

  bool defined() const { return impl_ != nullptr; }
  DType dtype() const { return impl().dtype; }
  const Shape& shape() const { return impl().shape; }
  const Shape& strides() const { return impl().strides; }
  int ndim() const { return shape().ndim(); }
  int64_t size() const { return impl().size; }
  TensorType type() const { return {dtype(), shape()}; }
  bool is_contiguous() const { return impl().contiguous; }
  bool is_writable() const { return impl().writable; }
  /// A 0-d array made from a C++ number: its dtype yields to the other operand's.
  bool is_weak_scalar() const { return impl().weak; }
  /// The memory this array looks at; shared by all its views.
  const void* storage() const { return impl().storage.get(); }
  /// Identity of the handle's array (views and copies of data have their own); never reused in a process.
  uint64_t id() const { return impl().id; }

  /// Elements; T must match dtype() (TypeError) and the array must be contiguous (ValueError).
  template <class T>
  const T* data() const {
    return static_cast<const T*>(checked(DTypeOf<T>::value));
  }
  template <class T>
  T* mutable_data() {
    check_writable();
    return static_cast<T*>(const_cast<void*>(checked(DTypeOf<T>::value)));
  }
  /// First element, whatever dtype and strides.
  const std::byte* raw() const { return impl().data; }
  std::byte* mutable_raw() {
    check_writable();
    return impl().data;
  }

  /// The single element, converted. Throws ValueError where size() is not 1.
  double item() const;
  template <class T>
  std::vector<T> to_vector() const;

  // Views (no copy, but reshape of a non-contiguous array copies).
  Array reshape(const Shape& shape) const;  ///< one extent may be -1
  Array transpose(const std::vector<int>& axes) const;
  Array slice(int axis, int64_t start, int64_t stop, int64_t step = 1) const;  ///< Python's rules for negative ends
  Array broadcast_to(const Shape& shape) const;
  Array squeeze(int axis) const;
  Array expand_dims(int axis) const;

  // Copies.
  Array contiguous() const;  ///< itself where it is contiguous already
  Array copy() const;        ///< contiguous
  Array astype(DType dtype) const;
  /// Copies the values of `source` (same shape; dtype converted) into this array's memory.
  void assign(const Array& source);

  /// Gradient slot: a backward pass fills it. Throws TypeError for non-float arrays.
  void attach_grad();
  bool has_grad() const { return impl().grad != nullptr; }
  /// Whether a backward pass adds to the slot in place of replacing it; at first it does not.
  bool grad_adds() const { return impl().grad_adds; }
  void set_grad_adds(bool adds) { impl().grad_adds = adds; }
  Array grad() const;
  void set_grad(const Array& value);

  /// Values as NumPy prints them, shortened in the middle of long axes.
  std::string text() const;

 private:
  struct Impl {
    std::shared_ptr<void> storage;
    std::byte* data = nullptr;
    Shape shape, strides;
    int64_t size = 0;
    uint64_t id = 0;
    DType dtype = DType::f32;
    bool contiguous = true, weak = false, writable = true, grad_adds = false;
    std::shared_ptr<Array> grad;
  };

  const Impl& impl() const;
  Impl& impl();
  const void* checked(DType wanted) const;
  void check_writable() const;
  Array view(std::byte* data, const Shape& shape, const Shape& strides) const;
  static Array make(std::shared_ptr<void> storage, std::byte* data, DType dtype, const Shape& shape,
                    const Shape& strides);

  std::shared_ptr<Impl> impl_;
};

/// Same dtype, shape and bytes of every element.
bool same_bits(const Array& a, const Array& b);

}  // namespace quantick
