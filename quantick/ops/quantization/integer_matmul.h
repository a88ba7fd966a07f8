#pragma once
// Exact integer matrix products with zero points per row and column: what matmul_integer and qlinear_matmul share. For
// interchange with ONNX, not for speed; a layer's products are kernels/dense.
#include <string_view>
#include <vector>

#include "quantick/ops/operator.h"

namespace quantick {

/// Numbers of a matrix product that one scale or zero point stands for: rows of the left matrix, columns of the right.
enum class Lines { rows, columns };

/// int8 or uint8 codes.
void check_codes8(std::string_view who, std::string_view what, const TensorType& type);

/// Checks a scale's or zero point's shape: one element, a vector with one element per line, or the matrix's shape with
/// an extent of 1 across the lines. Gives the shape that broadcasts against the matrices.
Shape line_shape(std::string_view who, std::string_view what, const Shape& matrix, const Shape& given, Lines lines);

/// a [..., m, k] times b [..., k, n], leading axes broadcast.
Shape product_shape(std::string_view who, const Shape& a, const Shape& b);

/// sum_k (a - a_zero)(b - b_zero) in int64; zero points may be undefined.
Array integer_matmul(const Array& a, const Array& a_zero, const Array& b, const Array& b_zero);

/// The same for truths, in float64 and another order.
std::vector<double> plain_matmul(const Array& a, const Array& a_zero, const Array& b, const Array& b_zero);

}  // namespace quantick
