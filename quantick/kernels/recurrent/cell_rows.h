#pragma once
// Cells of recurrent layers on rows of products, for any vector (activation/vector_<isa>.h). A cell is a struct with
// its vector as V and kGates. set(x, r, state) takes the products of x and of h of its units, gate by gate, and their
// states; stage<0>() to stage<3>() make `state` and `hidden` of it, each with work to do beside other work. Included by
// the files of the instruction sets. No multiply-add: every set must round alike.
#include "quantick/kernels/recurrent/recurrent_cell.h"

namespace quantick::kernels {

template <class V>
[[gnu::always_inline]] inline V narrowed(V v, const Narrowing& to) {
  if (__builtin_expect(!to.on, 1)) return v;
  return V::round_within(v * V::broadcast(to.up), to.limit) * V::broadcast(to.down);
}

/// The state with what is too small flushed.
template <class V>
[[gnu::always_inline]] inline V kept_state(V v, const RecurrentCell& cell) {
  return V::flush(narrowed(v, cell.state), kSmallestState);
}

/// The hidden value within int16, not yet rounded.
template <class V>
[[gnu::always_inline]] inline V hidden_value(V v) {
  return V::within(v * V::broadcast(kHiddenScale), kHiddenLimit);
}

/// With kNumbers, for what is never NaN.
template <bool kNumbers, class V>
[[gnu::always_inline]] inline V sigmoid_of(V v) {
  if constexpr (kNumbers)
    return V::sigmoid_of_number(v);
  else
    return V::sigmoid(v);
}
template <bool kNumbers, class V>
[[gnu::always_inline]] inline V tanh_of(V v) {
  if constexpr (kNumbers)
    return V::tanh_of_number(v);
  else
    return V::tanh(v);
}

template <class Cell>
[[gnu::always_inline]] inline void all_stages(Cell& units, const RecurrentCell& cell) {
  units.template stage<0>(cell);
  units.template stage<1>(cell);
  units.template stage<2>(cell);
  units.template stage<3>(cell);
}

template <class Cell>
inline void cell_rows(const RecurrentCell& cell, const float* px, const float* ph, int64_t n, float* state,
                      int16_t* h) {
  using V = typename Cell::V;
  constexpr int kGates = Cell::kGates;
  const int64_t units = cell.units;
  for (int64_t row = 0; row < n; ++row, px += kGates * units, ph += kGates * units, state += units, h += units)
    for (int64_t u = 0; u < units; u += V::kLanes) {
      const int64_t count = units - u < V::kLanes ? units - u : V::kLanes;
      V x[kGates], r[kGates];
#pragma GCC unroll 4
      for (int g = 0; g < kGates; ++g) {
        x[g] = V::load(px + g * units + u, count);
        r[g] = V::load(ph + g * units + u, count);
      }
      Cell c;
      c.set(x, r, V::load(state + u, count));
      all_stages(c, cell);
      V::store(state + u, c.state, count);
      V::store_s16(h + u, c.hidden, count);
    }
}

}  // namespace quantick::kernels
