#pragma once
// The operators as functions. Each call is checked, run and shown to the observers of the calling thread
// (ops/operator.h). Semantics, attributes and fixed-bits forms stand in the rows: `quantick ops`.
#include <cstdint>
#include <vector>

#include "quantick/ops/operator.h"
#include "quantick/tensor/array.h"

namespace quantick {

#define QTK_OP(name, ...) __VA_ARGS__
#include "quantick/ops/list.inc"
#undef QTK_OP

inline Array operator+(const Array& a, const Array& b) { return add(a, b); }
inline Array operator-(const Array& a, const Array& b) { return subtract(a, b); }
inline Array operator*(const Array& a, const Array& b) { return multiply(a, b); }
inline Array operator/(const Array& a, const Array& b) { return divide(a, b); }
inline Array operator-(const Array& x) { return negative(x); }
inline Array operator>(const Array& a, const Array& b) { return greater(a, b); }
inline Array operator>=(const Array& a, const Array& b) { return greater_equal(a, b); }
inline Array operator<(const Array& a, const Array& b) { return less(a, b); }
inline Array operator<=(const Array& a, const Array& b) { return less_equal(a, b); }
/// Element by element, as NumPy has it; same_bits() compares whole arrays.
inline Array operator==(const Array& a, const Array& b) { return equal(a, b); }
inline Array operator!=(const Array& a, const Array& b) { return not_equal(a, b); }

}  // namespace quantick
