#pragma once
// Element types. bf16 and f16 have a place in the enumeration's order after `boolean`; no operator takes them yet.
#include <cstdint>
#include <string_view>

namespace quantick {

enum class DType : uint8_t { f32, f64, i8, u8, i16, i32, i64, boolean };

/// "float32", "int8", ...: NumPy's names.
std::string_view dtype_name(DType dtype);

/// Throws TypeError for an unknown name.
DType dtype_from_name(std::string_view name);

/// Bytes per element.
constexpr int64_t dtype_size(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::i16:
      return 2;
    default:
      return 1;
  }
}

constexpr bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::i16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::boolean;
};

/// The type of the result where two arrays meet (NumPy's rules: i8 with f32 gives f32, i64 with f32 gives f64).
DType promote(DType a, DType b);

/// Calls f with a value of the C++ type of `dtype`: visit_dtype(d, [&](auto zero) { using T = decltype(zero); ... }).
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i8:
      return f(int8_t{});
    case DType::u8:
      return f(uint8_t{});
    case DType::i16:
      return f(int16_t{});
    case DType::i32:
      return f(int32_t{});
    case DType::i64:
      return f(int64_t{});
    default:
      return f(bool{});
  }
}

}  // namespace quantick
