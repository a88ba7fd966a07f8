#pragma once
// The float GRU cell (reset-after form) between the matrix products, forward and backward, for `rows` independent rows.
// Gates lie gate-major r, z, n: row of 3 * units. Sigmoid and tanh are the contract's (docs/numerics.md, section 3);
// every instruction set gives the same bits.
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// Forward, each step one operation: r, z = sigmoid((px + ph) + bias_x); inner = ph_n + bias_h;
/// n = tanh((px_n + bias_x) + r * inner); h = n + z * (before - n).
struct GruCellForward {
  int64_t rows = 0, units = 0;
  float* gates = nullptr;         ///< [rows, 3 units]: the products of x, replaced by r, z, n
  const float* ph = nullptr;      ///< [rows, 3 units]: the products of h
  const float* bias_x = nullptr;  ///< [3 units]; of r and z the sum of both biases
  const float* bias_h = nullptr;  ///< [units]: that of n inside the reset product
  const float* before = nullptr;  ///< [rows, units], rows before_stride apart
  int64_t before_stride = 0;
  float* inner = nullptr;   ///< [rows, units], kept for backward; or null
  float* h = nullptr;       ///< [rows, units]; may be `before` where that has no gaps
  float* h_copy = nullptr;  ///< a second place for h, rows h_copy_stride apart; or null
  int64_t h_copy_stride = 0;
};
void gru_cell_forward(const GruCellForward& call, Isa isa = active_isa()) noexcept;

/// Backward: from dy + dh to the gradients by the two products, and that by `before` but for what comes through ph.
struct GruCellBackward {
  int64_t rows = 0, units = 0;
  const float* gates = nullptr;  ///< r, z, n, as forward left them
  const float* inner = nullptr;  ///< [rows, units]
  const float* before = nullptr;
  int64_t before_stride = 0;
  const float* dy = nullptr;  ///< [rows, units], gradient by h from above; null for zeros
  float* dh = nullptr;        ///< [rows, units], gradient by h from the next step; replaced by that by `before`
  /// [rows, 4 units]: the gradients by the products of x for n, then for r and z, which are those by the products of h,
  /// too, then by the product of h for n. So the first three parts belong to x, the last three to h.
  float* d = nullptr;
  float* dbias = nullptr;  ///< [4 units]: the rows of d are added to it
};
void gru_cell_backward(const GruCellBackward& call, Isa isa = active_isa()) noexcept;

void gru_cell_forward_scalar(const GruCellForward& call);
void gru_cell_forward_avx2(const GruCellForward& call);
void gru_cell_forward_avx512vnni(const GruCellForward& call);
void gru_cell_backward_scalar(const GruCellBackward& call);
void gru_cell_backward_avx2(const GruCellBackward& call);
void gru_cell_backward_avx512vnni(const GruCellBackward& call);

}  // namespace quantick::kernels
