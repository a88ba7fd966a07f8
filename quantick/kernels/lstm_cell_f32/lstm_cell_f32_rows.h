#pragma once
// The cell for any vector. Included by the files of the instruction sets, each with its own V: a type in an unnamed
// namespace with kLanes, load(p, count), store(p, v, count), broadcast, + - *, sigmoid and tanh. No multiply-add: every
// set must round alike.
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"

namespace quantick::kernels {

template <class V>
inline void lstm_cell_forward_rows(const LstmCellForward& call) {
  const int64_t n = call.units;
  for (int64_t r = 0; r < call.rows; ++r) {
    float* gates = call.gates + r * 4 * n;
    for (int64_t j = 0; j < n; j += V::kLanes) {
      const int64_t count = n - j < V::kLanes ? n - j : V::kLanes;
      V sum[4];
#pragma GCC unroll 4
      for (int gate = 0; gate < 4; ++gate) {
        sum[gate] = V::load(gates + gate * n + j, count);
        if (call.ph != nullptr) sum[gate] = sum[gate] + V::load(call.ph + (r * 4 + gate) * n + j, count);
        sum[gate] = sum[gate] + V::load(call.bias + gate * n + j, count);
      }
      const V i = V::sigmoid(sum[0]), f = V::sigmoid(sum[1]), g = V::tanh(sum[2]), o = V::sigmoid(sum[3]);
      const V c = f * V::load(call.c_before + r * n + j, count) + i * g;
      const V h = o * V::tanh(c);
      V::store(gates + j, i, count);
      V::store(gates + n + j, f, count);
      V::store(gates + 2 * n + j, g, count);
      V::store(gates + 3 * n + j, o, count);
      V::store(call.c + r * n + j, c, count);
      V::store(call.h + r * call.h_stride + j, h, count);
      if (call.h_copy != nullptr) V::store(call.h_copy + r * call.h_copy_stride + j, h, count);
    }
  }
}

template <class V>
inline void lstm_cell_backward_rows(const LstmCellBackward& call) {
  const int64_t n = call.units;
  const V one = V::broadcast(1.0f), zero = V::broadcast(0.0f);
  for (int64_t r = 0; r < call.rows; ++r) {
    const float* gates = call.gates + r * 4 * n;
    float* d = call.dgates + r * 4 * n;
    for (int64_t j = 0; j < n; j += V::kLanes) {
      const int64_t count = n - j < V::kLanes ? n - j : V::kLanes;
      const V i = V::load(gates + j, count), f = V::load(gates + n + j, count);
      const V g = V::load(gates + 2 * n + j, count), o = V::load(gates + 3 * n + j, count);
      const V top = V::tanh(V::load(call.c + r * n + j, count));
      const V dy = call.dy == nullptr ? zero : V::load(call.dy + r * call.dy_stride + j, count);
      const V dh = call.dh == nullptr ? dy : dy + V::load(call.dh + r * call.dh_stride + j, count);
      const V dc = V::load(call.dc + r * n + j, count) + dh * o * (one - top * top);
      const V by_gate[4] = {dc * g * i * (one - i), dc * V::load(call.c_before + r * n + j, count) * f * (one - f),
                            dc * i * (one - g * g), dh * top * o * (one - o)};
      for (int gate = 0; gate < 4; ++gate) {
        V::store(d + gate * n + j, by_gate[gate], count);
        float* sum = call.dbias + gate * n + j;
        V::store(sum, V::load(sum, count) + by_gate[gate], count);
      }
      V::store(call.dc + r * n + j, dc * f, count);
    }
  }
}

}  // namespace quantick::kernels
