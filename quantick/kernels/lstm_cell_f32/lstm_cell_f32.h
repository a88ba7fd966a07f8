#pragma once
// The float LSTM cell between the matrix products, forward and backward, for `rows` independent rows. Gates lie
// gate-major i, f, g, o: row of 4 * units. Sigmoid and tanh are the contract's (docs/numerics.md, section 3); every
// instruction set gives the same bits.
#include <cstdint>

#include "quantick/core/cpu.h"

namespace quantick::kernels {

/// Forward: gates = activation((gates + ph) + bias); c = f * c_before + i * g; h = o * tanh(c).
struct LstmCellForward {
  int64_t rows = 0, units = 0;
  float* gates = nullptr;           ///< [rows, 4 units]: the products, replaced by the activated gates
  const float* ph = nullptr;        ///< [rows, 4 units]: the products of h where they are apart; null for none
  const float* bias = nullptr;      ///< [4 units]
  const float* c_before = nullptr;  ///< [rows, units]
  float* c = nullptr;               ///< [rows, units]; may be c_before
  float* h = nullptr;               ///< [rows, units], rows h_stride apart
  int64_t h_stride = 0;
  float* h_copy = nullptr;  ///< a second place for h, or null
  int64_t h_copy_stride = 0;
};
void lstm_cell_forward(const LstmCellForward& call, Isa isa = active_isa()) noexcept;

/// Backward: from dh and dc to the gradient by the products before activation, and by c_before.
struct LstmCellBackward {
  int64_t rows = 0, units = 0;
  const float* gates = nullptr;     ///< activated, as forward left them
  const float* c_before = nullptr;  ///< [rows, units]
  const float* c = nullptr;         ///< [rows, units]
  const float* dy = nullptr;        ///< [rows, units], gradient by h from above; null for zeros
  int64_t dy_stride = 0;
  const float* dh = nullptr;  ///< [rows, units], gradient by h from the next step; null for zeros
  int64_t dh_stride = 0;
  float* dc = nullptr;      ///< [rows, units], gradient by c from the next step; replaced by that by c_before
  float* dgates = nullptr;  ///< [rows, 4 units]
  float* dbias = nullptr;   ///< [4 units]: the rows of dgates are added to it
};
void lstm_cell_backward(const LstmCellBackward& call, Isa isa = active_isa()) noexcept;

void lstm_cell_forward_scalar(const LstmCellForward& call);
void lstm_cell_forward_avx2(const LstmCellForward& call);
void lstm_cell_forward_avx512vnni(const LstmCellForward& call);
void lstm_cell_backward_scalar(const LstmCellBackward& call);
void lstm_cell_backward_avx2(const LstmCellBackward& call);
void lstm_cell_backward_avx512vnni(const LstmCellBackward& call);

}  // namespace quantick::kernels
