#pragma once
// Loops of the elementwise operators: parallel over fixed chunks, broadcasting by strides, contiguous fast paths.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/tensor/array.h"

namespace quantick {

/// Elements of one piece of parallel work; large enough that handing it over costs nothing beside it.
inline constexpr int64_t kElementwiseGrain = 1 << 15;

/// Calls f(T{}) for the numeric types elementwise operators work in.
template <class F>
auto visit_number(DType dtype, std::string_view who, F&& f) {
  if (dtype == DType::f32) return f(float{});
  if (dtype == DType::f64) return f(double{});
  if (dtype == DType::i32) return f(int32_t{});
  if (dtype == DType::i64) return f(int64_t{});
  fail<TypeError>("[{}] dtype, was {}, expected float32, float64, int32 or int64: cast first", who, dtype_name(dtype));
}

template <class F>
auto visit_float(DType dtype, F&& f) {
  return dtype == DType::f32 ? f(float{}) : f(double{});
}

/// y[i] = f(x[i]).
template <class From, class To, class F>
Array map_unary(const Array& x, F f) {
  const Array source = x.contiguous();
  Array out = Array::empty(source.shape(), DTypeOf<To>::value);
  const From* in = source.data<From>();
  To* y = out.mutable_data<To>();
  parallel_ranges(source.size(), kElementwiseGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = f(in[i]);
  });
  return out;
}

/// Walks N broadcast inputs in the row-major order of the output, as runs along the last axis.
template <size_t N>
class BroadcastLoop {
 public:
  BroadcastLoop(const Shape& shape, const std::array<const Array*, N>& inputs) : size_(shape.size()) {
    std::array<Shape, N> strides;
    for (size_t n = 0; n < N; ++n) strides[n] = inputs[n]->broadcast_to(shape).strides();
    for (int axis = 0; axis < shape.ndim(); ++axis) {
      if (shape[axis] == 1) continue;
      const int last = shape_.ndim() - 1;
      bool joins = last >= 0;  // the axis before runs on where this one ends, in every input
      for (size_t n = 0; n < N && joins; ++n) joins = strides_[n][last] == strides[n][axis] * shape[axis];
      if (joins) {
        shape_[last] *= shape[axis];
        for (size_t n = 0; n < N; ++n) strides_[n][last] = strides[n][axis];
      } else {
        shape_.push_back(shape[axis]);
        for (size_t n = 0; n < N; ++n) strides_[n].push_back(strides[n][axis]);
      }
    }
    if (shape_.ndim() == 0) {
      shape_.push_back(1);
      for (Shape& s : strides_) s.push_back(1);
    }
  }

  /// Stride along a run, in elements.
  int64_t step(size_t input) const { return strides_[input][-1]; }

  /// run(first output, count, offset of each input's first element), in parallel over fixed chunks.
  template <class F>
  void run(F&& body) const {
    parallel_ranges(size_, kElementwiseGrain, [&](int64_t begin, int64_t end) { range(begin, end, body); });
  }

 private:
  template <class F>
  void range(int64_t begin, int64_t end, F&& body) const {
    const int outer = shape_.ndim() - 1;
    const int64_t inner = shape_[-1];
    std::array<int64_t, Shape::kMaxDims> index{};
    std::array<int64_t, N> base{};
    int64_t rest = begin / inner;
    for (int axis = outer - 1; axis >= 0; --axis) {
      index[static_cast<size_t>(axis)] = rest % shape_[axis];
      rest /= shape_[axis];
      for (size_t n = 0; n < N; ++n) base[n] += index[static_cast<size_t>(axis)] * strides_[n][axis];
    }
    for (int64_t at = begin, column = begin % inner; at < end; column = 0) {
      const int64_t count = std::min(inner - column, end - at);
      std::array<int64_t, N> offset = base;
      for (size_t n = 0; n < N; ++n) offset[n] += column * step(n);
      body(at, count, offset);
      at += count;
      for (int axis = outer - 1; axis >= 0; --axis) {
        for (size_t n = 0; n < N; ++n) base[n] += strides_[n][axis];
        if (++index[static_cast<size_t>(axis)] < shape_[axis]) break;
        for (size_t n = 0; n < N; ++n) base[n] -= strides_[n][axis] * shape_[axis];
        index[static_cast<size_t>(axis)] = 0;
      }
    }
  }

  int64_t size_;
  Shape shape_;
  std::array<Shape, N> strides_;
};

/// y = f(a, b) with broadcasting; both inputs of type T.
template <class T, class To, class F>
Array map_binary(const Array& a, const Array& b, F f) {
  const Shape shape = broadcast_shapes(a.shape(), b.shape(), "elementwise");
  Array out = Array::empty(shape, DTypeOf<To>::value);
  const BroadcastLoop<2> loop(shape, {&a, &b});
  const T* pa = reinterpret_cast<const T*>(a.raw());
  const T* pb = reinterpret_cast<const T*>(b.raw());
  To* y = out.mutable_data<To>();
  const int64_t sa = loop.step(0), sb = loop.step(1);
  loop.run([=](int64_t at, int64_t count, const std::array<int64_t, 2>& offset) {
    const T *u = pa + offset[0], *v = pb + offset[1];
    To* to = y + at;
    if (sa == 1 && sb == 1) {
      for (int64_t i = 0; i < count; ++i) to[i] = f(u[i], v[i]);
    } else if (sa == 1 && sb == 0) {
      for (int64_t i = 0; i < count; ++i) to[i] = f(u[i], v[0]);
    } else if (sa == 0 && sb == 1) {
      for (int64_t i = 0; i < count; ++i) to[i] = f(u[0], v[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = f(u[i * sa], v[i * sb]);
    }
  });
  return out;
}

/// For truths: the values in float64, row-major, broadcast to `shape`.
inline std::vector<double> values_as(const Array& x, const Shape& shape) {
  return x.broadcast_to(shape).to_vector<double>();
}

}  // namespace quantick
