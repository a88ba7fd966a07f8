#pragma once
// One float GRU layer over whole windows, forward and backward through time, by element type. Batch rows are cut into
// chunks that run through all steps by themselves: one synchronisation per layer, and a row's bits depend neither on
// threads nor on the other rows.
#include <cstdint>

#include "quantick/tensor/array.h"

namespace quantick {

/// steps >= 1.
struct GruSizes {
  int64_t steps = 0, batch = 0, inputs = 0, units = 0;
};

/// All of one float dtype.
struct GruInputs {
  Array x;           ///< [T, N, I]
  Array w_ih, w_hh;  ///< [3H, I], [3H, H]
  Array b_ih, b_hh;  ///< [3H]
  Array h0;          ///< [N, H], or undefined for zeros
};

/// What forward keeps for backward; chunk after chunk, each [steps, rows of the chunk, width].
struct GruKept {
  Array xh;     ///< width inputs + units: what the products of a step read, x and the h before it
  Array gates;  ///< width 3 * units, activated
  Array inner;  ///< width units: the recurrent product of n, with its bias
};

struct GruForward {
  Array y, h_n;
  GruKept kept;  ///< undefined arrays where nothing was kept
};
GruForward gru_forward(const GruSizes& sizes, const GruInputs& inputs, bool keep);

struct GruGradients {
  Array x, w_ih, w_hh, b_ih, b_hh, h0;
};
/// dy, dh_n: undefined for zeros.
GruGradients gru_backward(const GruSizes& sizes, const GruInputs& inputs, const GruKept& kept, const Array& dy,
                          const Array& dh_n);

}  // namespace quantick
