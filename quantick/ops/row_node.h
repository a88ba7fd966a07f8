#pragma once
// Nodes that leave the integers for one function: dequantize, float32 function on rows, quantize. With own functions
// and a written order of operations this keeps the contract's bits (docs/numerics.md, section 9).
#include <cstdint>
#include <functional>
#include <memory>

#include "quantick/core/cpu.h"
#include "quantick/ops/integer_form.h"

namespace quantick {

/// y [rows, width] from x [rows, width]; may work in place (y == x).
using RowFunction = std::function<void(const float* x, int64_t rows, float* y)>;

/// n codes of any format as float32: (q - zero) * scale, or a copy.
void load_codes(const void* codes, int64_t n, const TensorFormat& format, Isa isa, float* x) noexcept;
/// n numbers as codes of any format: sat(RNE(x / scale) + zero), or a copy.
void store_codes(const float* x, int64_t n, const TensorFormat& format, Isa isa, void* codes) noexcept;

/// A node for one data input and a function of rows of `width`.
std::unique_ptr<IntegerNode> make_row_node(const PrepareCall& call, int64_t width, RowFunction function);

}  // namespace quantick
