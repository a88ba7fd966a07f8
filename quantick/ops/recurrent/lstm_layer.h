#pragma once
// One float LSTM layer over whole windows, forward and backward through time, by element type. Batch rows are cut into
// chunks that run through all steps by themselves: one synchronisation per layer, and a row's bits depend neither on
// threads nor on the other rows.
#include <cstdint>

#include "quantick/tensor/array.h"

namespace quantick {

/// steps >= 1.
struct LstmSizes {
  int64_t steps = 0, batch = 0, inputs = 0, units = 0;
  int64_t projection = 0;  ///< width of h where it is projected, else 0
  /// Width of h.
  int64_t hidden() const { return projection > 0 ? projection : units; }
};

/// Rows of one chunk.
constexpr int64_t kLstmRows = 64;

/// What forward keeps for backward; chunk after chunk, each [steps, rows of the chunk, width].
struct LstmKept {
  Array xh;     ///< width inputs + hidden(): what the products of a step read, x and the h before it
  Array gates;  ///< width 4 * units, activated
  Array c;      ///< width units, after the step
  Array raw;    ///< width units: o * tanh(c) before the projection; undefined without one
};

struct LstmForward {
  Array y, h_n, c_n;
  LstmKept kept;  ///< undefined arrays where nothing was kept
};

/// All of one float dtype.
struct LstmInputs {
  Array x;           ///< [T, N, I]
  Array w_ih, w_hh;  ///< [4H, I], [4H, P]
  Array b_ih, b_hh;  ///< [4H]
  Array w_hr;        ///< [P, H], or undefined without a projection
  Array h0, c0;      ///< [N, P], [N, H], or undefined for zeros
};

LstmForward lstm_forward(const LstmSizes& sizes, const LstmInputs& inputs, bool keep);

struct LstmGradients {
  Array x, w_ih, w_hh, bias, w_hr, h0, c0;
};

/// dy, dh_n, dc_n: undefined for zeros. bias is the gradient by either bias. Of the inputs, x and the biases are not
/// read.
LstmGradients lstm_backward(const LstmSizes& sizes, const LstmInputs& inputs, const LstmKept& kept, const Array& dy,
                            const Array& dh_n, const Array& dc_n);

}  // namespace quantick
