#include "quantick/tensor/dtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "quantick/core/error.h"

namespace quantick {
namespace {
constexpr std::array<std::string_view, 8> kNames{"float32", "float64", "int8",  "uint8",
                                                 "int16",   "int32",   "int64", "bool"};

/// Bits of a signed integer that holds every value of the type; 0 for floats.
int signed_bits(DType d) {
  switch (d) {
    case DType::boolean:
      return 1;
    case DType::u8:
      return 9;
    default:
      return is_float(d) ? 0 : static_cast<int>(dtype_size(d)) * 8;
  }
}
}  // namespace

std::string_view dtype_name(DType dtype) { return kNames[static_cast<size_t>(dtype)]; }

DType dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<DType>(i);
  fail<TypeError>("[dtype] name, was \"{}\", expected one of {}", name, fmt::join(kNames, ", "));
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (is_float(a) || is_float(b)) {
    if (a == DType::f64 || b == DType::f64) return DType::f64;
    const DType other = a == DType::f32 ? b : a;
    return signed_bits(other) > 16 ? DType::f64 : DType::f32;  // float32 holds 24-bit integers exactly, not 32-bit ones
  }
  if (a == DType::boolean) return b;
  if (b == DType::boolean) return a;
  const int bits = std::max(signed_bits(a), signed_bits(b));
  return bits <= 8 ? DType::i8 : bits <= 16 ? DType::i16 : bits <= 32 ? DType::i32 : DType::i64;
}

}  // namespace quantick
