#include "quantick/ops/quantization/code_type.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "quantick/core/error.h"

namespace quantick {
namespace {

CodeType integers(std::string_view name, DType dtype, int32_t low, int32_t high) {
  return {.name = name, .dtype = dtype, .low = low, .high = high};
}

/// OCP's 8-bit floats, their FNUZ cousins (no infinity, no negative zero), and the micro-scaling formats, which have
/// neither infinity nor NaN.
const CodeType kCodeTypes[] = {
    integers("int2", DType::i8, -2, 1),
    integers("uint2", DType::u8, 0, 3),
    integers("int4", DType::i8, -8, 7),
    integers("uint4", DType::u8, 0, 15),
    integers("int8", DType::i8, -128, 127),
    integers("uint8", DType::u8, 0, 255),
    integers("int16", DType::i16, -32768, 32767),
    integers("uint16", DType::i32, 0, 65535),
    {.name = "float8e4m3fn", .dtype = DType::f32, .mantissa = 3, .least_exponent = -6, .largest = 448, .has_nan = true},
    {.name = "float8e4m3fnuz",
     .dtype = DType::f32,
     .mantissa = 3,
     .least_exponent = -7,
     .largest = 240,
     .has_nan = true,
     .signed_zero = false},
    {.name = "float8e5m2",
     .dtype = DType::f32,
     .mantissa = 2,
     .least_exponent = -14,
     .largest = 57344,
     .has_nan = true,
     .has_infinity = true},
    {.name = "float8e5m2fnuz",
     .dtype = DType::f32,
     .mantissa = 2,
     .least_exponent = -15,
     .largest = 57344,
     .has_nan = true,
     .signed_zero = false},
    {.name = "float6e2m3", .dtype = DType::f32, .mantissa = 3, .least_exponent = 0, .largest = 7.5},
    {.name = "float6e3m2", .dtype = DType::f32, .mantissa = 2, .least_exponent = -2, .largest = 28},
    {.name = "float4e2m1", .dtype = DType::f32, .mantissa = 1, .least_exponent = 0, .largest = 6},
};

}  // namespace

const CodeType& find_code_type(std::string_view name, std::string_view who) {
  const auto* found =
      std::find_if(std::begin(kCodeTypes), std::end(kCodeTypes), [&](const CodeType& t) { return t.name == name; });
  QTK_CHECK(found != std::end(kCodeTypes), ValueError,
            "[{}] dtype, was \"{}\", expected a type of codes: int8, uint8, int4, ..., float8e4m3fn", who, name);
  return *found;
}

double round_to_float_code(double v, const CodeType& type, bool saturate) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(v)) return type.has_nan ? kNan : 0;
  double rounded = v;
  if (v != 0 && std::isfinite(v)) {
    const double step = std::ldexp(1.0, std::max(std::ilogb(v), type.least_exponent) - type.mantissa);
    rounded = std::rint(v / step) * step;
  }
  if (std::abs(rounded) > type.largest) {
    if (saturate || !type.has_nan) return std::copysign(type.largest, v);
    return type.has_infinity ? std::copysign(kInfinity, v) : kNan;
  }
  return rounded == 0 && !type.signed_zero ? 0.0 : rounded;
}

}  // namespace quantick
