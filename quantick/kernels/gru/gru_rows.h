#pragma once
// The GRU cell for any vector (activation/vector_<isa>.h). Included by the files of the instruction sets. No
// multiply-add: every set must round alike.
#include "quantick/kernels/gru/gru_cell.h"

namespace quantick::kernels {

template <class V, bool kNarrow>
[[gnu::always_inline]] inline V gru_narrow(V v, const Narrowing& to) {
  if (!kNarrow || !to.on) return v;
  return V::round_within(v * V::broadcast(to.up), to.limit) * V::broadcast(to.down);
}

template <class V, bool kNarrow>
inline void gru_cell_rows(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s,
                          int16_t* h) {
  const int64_t units = cell.units;
  const V hidden_scale = V::broadcast(kHiddenScale);
  for (int64_t row = 0; row < n; ++row, px += 3 * units, ph += 3 * units, s += units, h += units)
    for (int64_t u = 0; u < units; u += V::kLanes) {
      const int64_t count = units - u < V::kLanes ? units - u : V::kLanes;
      const V r = gru_narrow<V, kNarrow>(V::sigmoid(V::load(px + u, count) + V::load(ph + u, count)), cell.gates[0]);
      const V z = gru_narrow<V, kNarrow>(V::sigmoid(V::load(px + units + u, count) + V::load(ph + units + u, count)),
                                         cell.gates[1]);
      const V inner = r * V::load(ph + 2 * units + u, count);
      const V c = gru_narrow<V, kNarrow>(V::tanh(V::load(px + 2 * units + u, count) + inner), cell.gates[2]);
      const V kept = z * (V::load(s + u, count) - c);
      const V state = V::flush(gru_narrow<V, kNarrow>(c + kept, cell.state), kSmallestState);
      V::store(s + u, state, count);
      V::store_s16(h + u, V::round_within(state * hidden_scale, kHiddenLimit), count);
    }
}

template <class V>
inline void gru_cell_any(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* s, int16_t* h) {
  if (cell.narrow)
    gru_cell_rows<V, true>(cell, px, ph, n, s, h);
  else
    gru_cell_rows<V, false>(cell, px, ph, n, s, h);
}

}  // namespace quantick::kernels
