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
};

/// Rows of one chunk.
constexpr int64_t kLstmRows = 64;

/// What forward keeps for backward; chunk after chunk, each [steps, rows of the chunk, width].
struct LstmKept {
  Array xh;     ///< width inputs + units: what the products of a step read, x and the h before it
  Array gates;  ///< width 4 * units, activated
  Array c;      ///< width units, after the step
};

struct LstmForward {
  Array y, h_n, c_n;
  LstmKept kept;  ///< undefined arrays where nothing was kept
};

/// x [T, N, I], w_ih [4H, I], w_hh [4H, H], b_ih, b_hh [4H], h0, c0 [N, H] or undefined; all of one float dtype.
LstmForward lstm_forward(const LstmSizes& sizes, const Array& x, const Array& w_ih, const Array& w_hh,
                         const Array& b_ih, const Array& b_hh, const Array& h0, const Array& c0, bool keep);

struct LstmGradients {
  Array x, w_ih, w_hh, bias, h0, c0;
};

/// dy, dh_n, dc_n: undefined for zeros. bias is the gradient by either bias.
LstmGradients lstm_backward(const LstmSizes& sizes, const Array& w_ih, const Array& w_hh, const Array& c0,
                            const LstmKept& kept, const Array& dy, const Array& dh_n, const Array& dc_n);

}  // namespace quantick
