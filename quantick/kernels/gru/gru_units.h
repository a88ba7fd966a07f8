#pragma once
// The GRU cell for any vector (recurrent/cell_rows.h); with kNumbers, for products and states that are never NaN.
#include "quantick/kernels/gru/gru_cell.h"
#include "quantick/kernels/recurrent/cell_rows.h"

namespace quantick::kernels {

template <class Vector, bool kNumbers>
struct GruUnits {
  using V = Vector;
  static constexpr int kGates = 3;
  V reset, update, candidate, inner;  // inner: the product of h of the candidate
  V state, hidden;

  [[gnu::always_inline]] void set(const V (&x)[3], const V (&r)[3], V before) {
    reset = x[0] + r[0], update = x[1] + r[1];
    candidate = x[2], inner = r[2];
    state = before;
  }
  /// Has in registers what goes from stage to stage.
  [[gnu::always_inline]] void keep() {
    V::keep(reset);
    V::keep(update);
    V::keep(candidate);
    V::keep(inner);
    V::keep(state);
  }
  template <int kStage>
  [[gnu::always_inline]] void stage(const RecurrentCell& cell) {
    if constexpr (kStage == 0) {
      reset = narrowed(sigmoid_of<kNumbers>(reset), cell.gates[0]);
      update = narrowed(sigmoid_of<kNumbers>(update), cell.gates[1]);
    } else if constexpr (kStage == 1) {
      const V gated = reset * inner;
      candidate = narrowed(tanh_of<kNumbers>(candidate + gated), cell.gates[2]);
    } else if constexpr (kStage == 2) {
      const V kept = update * (state - candidate);
      state = kept_state(candidate + kept, cell);
    } else {
      hidden = hidden_value(state);
    }
  }
};

}  // namespace quantick::kernels
