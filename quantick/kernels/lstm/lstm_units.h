#pragma once
// The LSTM cell for any vector (recurrent/cell_rows.h); with kNumbers, for products and states that are never NaN.
#include "quantick/kernels/lstm/lstm_cell.h"
#include "quantick/kernels/recurrent/cell_rows.h"

namespace quantick::kernels {

template <class Vector, bool kNumbers>
struct LstmUnits {
  using V = Vector;
  static constexpr int kGates = 4;
  V gates[4];
  V state, hidden;

  [[gnu::always_inline]] void set(const V (&x)[4], const V (&r)[4], V before) {
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) gates[g] = x[g] + r[g];
    state = before;
  }
  /// Has in registers what goes from stage to stage.
  [[gnu::always_inline]] void keep() {
#pragma GCC unroll 4
    for (int g = 0; g < 4; ++g) V::keep(gates[g]);
    V::keep(state);
  }
  template <int kStage>
  [[gnu::always_inline]] void stage(const LstmCell& cell) {
    if constexpr (kStage == 0) {
      gates[0] = narrowed(sigmoid_of<kNumbers>(gates[0]), cell.gates[0]);
      gates[2] = narrowed(tanh_of<kNumbers>(gates[2]), cell.gates[2]);
    } else if constexpr (kStage == 1) {
      gates[1] = narrowed(sigmoid_of<kNumbers>(gates[1]), cell.gates[1]);
      gates[3] = narrowed(sigmoid_of<kNumbers>(gates[3]), cell.gates[3]);
    } else if constexpr (kStage == 2) {
      const V kept = gates[1] * state;
      const V added = gates[0] * gates[2];
      state = kept_state(kept + added, cell);
      gates[2] = tanh_of<kNumbers>(state);
    } else {
      hidden = hidden_value(gates[3] * gates[2]);
    }
  }
};

}  // namespace quantick::kernels
