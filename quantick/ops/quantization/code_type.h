#pragma once
// The types of codes that ONNX's quantization operators name. An integer code is held in the smallest of our dtypes
// that holds all of its type's codes; a code of a float type (float8, float6, float4) is held as its value, in float32.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "quantick/tensor/dtype.h"

namespace quantick {

struct CodeType {
  std::string_view name;
  DType dtype;  ///< that holds the codes
  // Of integers.
  int32_t low = 0, high = 0;
  // Of floats: bits of the mantissa, exponent of the smallest normal number, largest finite value.
  int mantissa = 0, least_exponent = 0;
  double largest = 0;
  bool has_nan = false, has_infinity = false, signed_zero = true;
  bool integer() const { return !is_float(dtype); }
};

/// "int8", "uint4", "float8e4m3fn", ...: ONNX's names. Throws ValueError for others; `who` stands in brackets.
const CodeType& find_code_type(std::string_view name, std::string_view who);

/// The nearest value of a float type, ties to even. Past the largest value, and with a type that has no NaN, results
/// saturate; without `saturate`, a type that has an infinity or NaN gives that. NaN of a type without one gives 0.
double round_to_float_code(double v, const CodeType& type, bool saturate);

/// sat(RNE(v) + zero). The clamp comes first: its limits are integers, so it commutes with rounding. NaN gives the
/// lowest code, which is the code of a missing value.
template <class T>
int32_t round_to_integer_code(T v, int32_t zero, int32_t low, int32_t high) {
  const auto least = static_cast<T>(low - zero), most = static_cast<T>(high - zero);
  v = v > least ? v : least;
  v = v < most ? v : most;
  return static_cast<int32_t>(std::rint(v)) + zero;
}

}  // namespace quantick
