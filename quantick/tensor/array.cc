#include "quantick/tensor/array.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/tensor/strided.h"

namespace quantick {
namespace {

/// Cache line; also the widest vector.
constexpr size_t kAlignment = 64;

/// Freed memory that waits for the next array of its size. A training step asks for the same large blocks again and
/// again, and fresh pages from the system cost more than the arithmetic on them.
class BlockCache {
 public:
  void* take(size_t bytes) {
    if (bytes >= kSmallest) {
      const std::lock_guard lock(mutex_);
      const auto found = free_.find(bytes);
      if (found != free_.end() && !found->second.empty()) {
        void* block = found->second.back();
        found->second.pop_back();
        held_ -= bytes;
        return block;
      }
    }
    return ::operator new(bytes, std::align_val_t(kAlignment));
  }

  void give(void* block, size_t bytes) noexcept {
    if (bytes >= kSmallest && keep(block, bytes)) return;
    ::operator delete(block, std::align_val_t(kAlignment));
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr size_t kMost = 0;  // freed memory must stay poisoned
#else
  static constexpr size_t kMost = size_t{256} << 20;  // bytes held at most
#endif
  static constexpr size_t kSmallest = size_t{64} << 10;  // below it the C library's own cache serves

  bool keep(void* block, size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    if (held_ + bytes > kMost) return false;
    try {
      free_[bytes].push_back(block);
    } catch (const std::bad_alloc&) {
      return false;
    }
    held_ += bytes;
    return true;
  }

  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;
  size_t held_ = 0;
};

/// Never destroyed: arrays of static storage may be freed after it.
BlockCache& block_cache() {
  static BlockCache* const cache = new BlockCache;  // the one object that outlives main()
  return *cache;
}

std::shared_ptr<void> allocate(int64_t bytes) {
  const auto rounded = (static_cast<size_t>(std::max<int64_t>(bytes, 1)) + kAlignment - 1) / kAlignment * kAlignment;
  return {block_cache().take(rounded), [rounded](void* p) { block_cache().give(p, rounded); }};
}

/// First byte of an array of at least one element, and the one past its last.
std::pair<const std::byte*, const std::byte*> reach(const Array& x) {
  const std::byte *first = x.raw(), *last = first;
  for (int axis = 0; axis < x.ndim(); ++axis) {
    const int64_t step = (x.shape()[axis] - 1) * x.strides()[axis] * dtype_size(x.dtype());
    (step < 0 ? first : last) += step;
  }
  return {first, last + dtype_size(x.dtype())};
}

bool overlap(const Array& a, const Array& b) {
  if (a.size() == 0) return false;
  const auto [a_first, a_past] = reach(a);
  const auto [b_first, b_past] = reach(b);
  return std::less<>()(a_first, b_past) && std::less<>()(b_first, a_past);
}

uint64_t next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

bool row_major(const Shape& shape, const Shape& strides) {
  int64_t step = 1;
  for (int i = shape.ndim() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

/// Converts as C++ does, except that float to integer saturates and NaN becomes 0: never undefined.
template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(value)) return 0;
    constexpr double lowest = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double past = -2.0 * static_cast<double>(std::numeric_limits<To>::min() / 2);
    if constexpr (std::is_unsigned_v<To>) {
      if (value <= 0) return 0;
      return value >= 256.0 ? To(255) : static_cast<To>(value);
    } else {
      if (static_cast<double>(value) <= lowest) return std::numeric_limits<To>::min();
      return static_cast<double>(value) >= past ? std::numeric_limits<To>::max() : static_cast<To>(value);
    }
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

std::string TensorType::text() const { return fmt::format("{} {}", dtype_name(dtype), shape.text()); }

const Array::Impl& Array::impl() const {
  QTK_CHECK(impl_ != nullptr, ValueError, "[array] undefined array used");
  return *impl_;
}

Array::Impl& Array::impl() {
  QTK_CHECK(impl_ != nullptr, ValueError, "[array] undefined array used");
  return *impl_;
}

Array Array::make(std::shared_ptr<void> storage, std::byte* data, DType dtype, const Shape& shape,
                  const Shape& strides) {
  Array out;
  out.impl_ = std::make_shared<Impl>();
  Impl& i = *out.impl_;
  i.storage = std::move(storage);
  i.data = data;
  i.dtype = dtype;
  i.shape = shape;
  i.strides = strides;
  i.size = shape.size();
  i.contiguous = row_major(shape, strides);
  i.id = next_id();
  return out;
}

Array Array::view(std::byte* data, const Shape& shape, const Shape& strides) const {
  Array out = make(impl().storage, data, dtype(), shape, strides);
  out.impl_->writable = impl().writable;
  return out;
}

Array::Array(float value) : Array(full({}, static_cast<double>(value), DType::f32)) { impl_->weak = true; }
Array::Array(double value) : Array(full({}, value, DType::f64)) { impl_->weak = true; }
Array::Array(int value) : Array(full({}, value, DType::i64)) { impl_->weak = true; }

Array Array::empty(const Shape& shape, DType dtype) {
  for (int64_t extent : shape)
    QTK_CHECK(extent >= 0, ShapeError, "[array] shape, was {}, expected no negative extent", shape.text());
  int64_t bytes = 0;
  QTK_CHECK(!__builtin_mul_overflow(shape.size(), dtype_size(dtype), &bytes), ShapeError,
            "[array] bytes of {} {}, were more than 2^63", dtype_name(dtype), shape.text());
  auto storage = allocate(bytes);
  auto* data = static_cast<std::byte*>(storage.get());
  return make(std::move(storage), data, dtype, shape, row_major_strides(shape));
}

Array Array::zeros(const Shape& shape, DType dtype) {
  Array out = empty(shape, dtype);
  std::memset(out.mutable_raw(), 0, static_cast<size_t>(out.size() * dtype_size(dtype)));
  return out;
}

Array Array::ones(const Shape& shape, DType dtype) { return full(shape, 1.0, dtype); }

Array Array::full(const Shape& shape, double value, DType dtype) {
  Array out = empty(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(out.mutable_data<T>(), out.size(), convert<T>(value));
  });
  return out;
}

Array Array::arange(double start, double stop, double step, DType dtype) {
  QTK_CHECK(step != 0 && std::isfinite(start) && std::isfinite(stop) && std::isfinite(step), ValueError,
            "[arange] start, stop, step, was {}, {}, {}, expected finite numbers and a step that is not 0", start, stop,
            step);
  const double count = std::ceil((stop - start) / step);
  QTK_CHECK(count < 0x1p63, ShapeError, "[arange] elements from {} to {} by {}, were more than 2^63", start, stop,
            step);
  const int64_t n = count > 0 ? static_cast<int64_t>(count) : 0;
  Array out = empty({n}, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* p = out.mutable_data<T>();
    for (int64_t i = 0; i < n; ++i) p[i] = convert<T>(start + static_cast<double>(i) * step);
  });
  return out;
}

template <class T>
Array Array::from(std::span<const T> values, const Shape& shape) {
  QTK_CHECK(static_cast<int64_t>(values.size()) == shape.size(), ShapeError,
            "[array] values, was {}, expected {} for shape {}", values.size(), shape.size(), shape.text());
  Array out = empty(shape, DTypeOf<T>::value);
  std::copy(values.begin(), values.end(), out.mutable_data<T>());
  return out;
}

Array Array::wrap(void* data, DType dtype, const Shape& shape, std::shared_ptr<void> owner, const Shape& strides) {
  const bool given = strides.ndim() == shape.ndim();
  QTK_CHECK(given || strides.ndim() == 0, ShapeError, "[array] strides {} do not fit shape {}", strides.text(),
            shape.text());
  return make(std::move(owner), static_cast<std::byte*>(data), dtype, shape,
              given ? strides : row_major_strides(shape));
}

Array Array::wrap_read_only(const void* data, DType dtype, const Shape& shape, std::shared_ptr<void> owner,
                            const Shape& strides) {
  Array out = wrap(const_cast<void*>(data), dtype, shape, std::move(owner), strides);
  out.impl_->writable = false;
  return out;
}

void Array::check_writable() const {
  QTK_CHECK(is_writable(), ValueError, "[array] memory of {} is read-only, expected an array of one's own: call copy()",
            type().text());
}

const void* Array::checked(DType wanted) const {
  QTK_CHECK(dtype() == wanted, TypeError, "[array] dtype, was {}, expected {}", dtype_name(dtype()),
            dtype_name(wanted));
  QTK_CHECK(is_contiguous(), ValueError,
            "[array] data of a strided view {}, expected a contiguous array: call contiguous() first", shape().text());
  return raw();
}

double Array::item() const {
  QTK_CHECK(size() == 1, ValueError, "[array] item() of shape {}, expected one element", shape().text());
  return visit_dtype(dtype(), [&](auto zero) {
    using T = decltype(zero);
    T value;
    std::memcpy(&value, raw(), sizeof(T));
    return static_cast<double>(value);
  });
}

template <class T>
std::vector<T> Array::to_vector() const {
  const Array source = (dtype() == DTypeOf<T>::value ? *this : astype(DTypeOf<T>::value)).contiguous();
  const T* p = source.data<T>();
  return std::vector<T>(p, p + size());
}

Array Array::reshape(const Shape& wanted) const {
  Shape target = wanted;
  int64_t known = 1;
  int free_axis = -1;
  for (int i = 0; i < target.ndim(); ++i) {
    if (target[i] != -1) {
      known *= target[i];
      continue;
    }
    QTK_CHECK(free_axis < 0, ShapeError, "[reshape] shape, was {}, expected at most one -1", wanted.text());
    free_axis = i;
  }
  if (free_axis >= 0) target[free_axis] = known == 0 ? 0 : size() / known;
  QTK_CHECK(target.size() == size(), ShapeError, "[reshape] {} elements of shape {} do not fit {}", size(),
            shape().text(), wanted.text());
  const Array source = contiguous();
  return source.view(source.impl_->data, target, row_major_strides(target));
}

Array Array::transpose(const std::vector<int>& axes) const {
  QTK_CHECK(static_cast<int>(axes.size()) == ndim(), ShapeError, "[transpose] axes, was {} of them, expected {}",
            axes.size(), ndim());
  Shape out_shape, out_strides;
  std::array<bool, Shape::kMaxDims> seen{};
  for (int axis : axes) {
    const int a = shape().normalize_axis(axis);
    QTK_CHECK(!seen[static_cast<size_t>(a)], ValueError, "[transpose] axis {} twice", axis);
    seen[static_cast<size_t>(a)] = true;
    out_shape.push_back(shape()[a]);
    out_strides.push_back(strides()[a]);
  }
  return view(impl_->data, out_shape, out_strides);
}

Array Array::slice(int axis, int64_t start, int64_t stop, int64_t step) const {
  const int a = shape().normalize_axis(axis);
  QTK_CHECK(step > 0, ValueError, "[slice] step, was {}, expected > 0", step);
  const int64_t n = shape()[a];
  const auto clip = [n](int64_t i) { return std::min(std::max<int64_t>(i < 0 ? i + n : i, 0), n); };
  start = clip(start);
  stop = std::max(start, clip(stop));
  step = std::min(step, std::max<int64_t>(n, 1));  // picks the same, and products of strides stay small
  Shape out_shape = shape(), out_strides = strides();
  out_shape[a] = (stop - start + step - 1) / step;
  out_strides[a] = strides()[a] * step;
  return view(impl_->data + start * strides()[a] * dtype_size(dtype()), out_shape, out_strides);
}

Array Array::broadcast_to(const Shape& target) const {
  QTK_CHECK(broadcast_shapes(shape(), target, "broadcast_to") == target, ShapeError,
            "[broadcast_to] shape {} does not broadcast to {}", shape().text(), target.text());
  Shape out_strides = target;
  const int lead = target.ndim() - ndim();
  for (int i = 0; i < target.ndim(); ++i) {
    const bool repeated = i < lead || (shape()[i - lead] == 1 && target[i] != 1);
    out_strides[i] = repeated ? 0 : strides()[i - lead];
  }
  return view(impl_->data, target, out_strides);
}

Array Array::squeeze(int axis) const {
  const int a = shape().normalize_axis(axis);
  QTK_CHECK(shape()[a] == 1, ShapeError, "[squeeze] axis {} of {}, expected extent 1", axis, shape().text());
  Shape out_shape = shape(), out_strides = strides();
  out_shape.erase(a);
  out_strides.erase(a);
  return view(impl_->data, out_shape, out_strides);
}

Array Array::expand_dims(int axis) const {
  const int a = axis < 0 ? axis + ndim() + 1 : axis;
  Shape out_shape = shape(), out_strides = strides();
  out_shape.insert(a, 1);
  out_strides.insert(a, 0);
  return view(impl_->data, out_shape, out_strides);
}

Array Array::contiguous() const { return is_contiguous() ? *this : copy(); }

Array Array::copy() const {
  Array out = empty(shape(), dtype());
  out.assign(*this);
  return out;
}

Array Array::astype(DType target) const {
  if (target == dtype()) return *this;
  Array out = empty(shape(), target);
  out.assign(*this);
  return out;
}

void Array::assign(const Array& source) {
  check_writable();
  QTK_CHECK(source.shape() == shape(), ShapeError, "[assign] shape, was {}, expected {}", source.shape().text(),
            shape().text());
  if (source.dtype() == dtype() && source.is_contiguous() && is_contiguous()) {
    if (size() > 0) std::memmove(impl_->data, source.raw(), static_cast<size_t>(size() * dtype_size(dtype())));
    return;
  }
  // Views of the same memory, which two owners may have wrapped: read everything before the first write.
  if (overlap(*this, source)) {
    Array apart = empty(source.shape(), source.dtype());
    apart.assign(source);
    return assign(apart);
  }
  if (!is_contiguous()) {  // write through the strides, in the same order in which the source is read
    const Array flat = source.astype(dtype()).contiguous();
    visit_dtype(dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = flat.data<T>();
      T* to = reinterpret_cast<T*>(impl_->data);
      for_each_offset(shape(), strides(), [&](int64_t at) { to[at] = *from++; });
    });
    return;
  }
  visit_dtype(source.dtype(), [&](auto from_zero) {
    using From = decltype(from_zero);
    const From* from = reinterpret_cast<const From*>(source.raw());
    visit_dtype(dtype(), [&](auto to_zero) {
      using To = decltype(to_zero);
      To* to = mutable_data<To>();
      for_each_offset(source.shape(), source.strides(), [&](int64_t at) { *to++ = convert<To>(from[at]); });
    });
  });
}

void Array::attach_grad() {
  QTK_CHECK(is_float(dtype()), TypeError, "[array] gradient of {}, expected a float array", dtype_name(dtype()));
  impl().grad = std::make_shared<Array>(zeros(shape(), dtype()));
}

Array Array::grad() const {
  QTK_CHECK(has_grad(), ValueError, "[array] no gradient is attached: call attach_grad() first");
  return *impl().grad;
}

void Array::set_grad(const Array& value) {
  QTK_CHECK(value.type() == type(), ShapeError, "[array] gradient, was {}, expected {}", value.type().text(),
            type().text());
  impl().grad = std::make_shared<Array>(value);
}

namespace {

template <class T>
std::string element_text(T value) {
  if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
  if constexpr (std::is_floating_point_v<T>) return fmt::format("{:.6g}", value);
  return fmt::format("{}", static_cast<int64_t>(value));
}

/// Values of a long axis beyond this many at each end are left out.
constexpr int64_t kEdge = 3;

std::string nested_text(const Array& a, int axis, int64_t offset) {
  if (axis == a.ndim())
    return visit_dtype(a.dtype(), [&](auto zero) {
      using T = decltype(zero);
      return element_text(reinterpret_cast<const T*>(a.raw())[offset]);
    });
  std::string out = "[";
  const int64_t n = a.shape()[axis];
  for (int64_t i = 0; i < n; ++i) {
    if (n > 2 * kEdge && i == kEdge) {
      out += ", ...";
      i = n - kEdge;
    }
    if (i > 0) out += ", ";
    out += nested_text(a, axis + 1, offset + i * a.strides()[axis]);
  }
  return out + "]";
}

}  // namespace

std::string Array::text() const { return fmt::format("{} {}", nested_text(*this, 0, 0), type().text()); }

bool same_bits(const Array& a, const Array& b) {
  if (a.type() != b.type()) return false;
  const Array x = a.contiguous(), y = b.contiguous();
  return std::memcmp(x.raw(), y.raw(), static_cast<size_t>(x.size() * dtype_size(x.dtype()))) == 0;
}

#define QTK_ARRAY_EXPORT(T)                                        \
  template Array Array::from<T>(std::span<const T>, const Shape&); \
  template std::vector<T> Array::to_vector<T>() const;
QTK_ARRAY_EXPORT(float)
QTK_ARRAY_EXPORT(double)
QTK_ARRAY_EXPORT(int8_t)
QTK_ARRAY_EXPORT(uint8_t)
QTK_ARRAY_EXPORT(int16_t)
QTK_ARRAY_EXPORT(int32_t)
QTK_ARRAY_EXPORT(int64_t)
QTK_ARRAY_EXPORT(bool)
#undef QTK_ARRAY_EXPORT

}  // namespace quantick
