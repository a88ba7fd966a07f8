#pragma once
// The cell for any vector (activation/vector_<isa>.h). Included by the files of the instruction sets. No multiply-add:
// every set must round alike.
#include "quantick/kernels/gru_cell_f32/gru_cell_f32.h"

namespace quantick::kernels {

template <class V>
inline void gru_cell_forward_rows(const GruCellForward& call) {
  const int64_t n = call.units;
  for (int64_t row = 0; row < call.rows; ++row) {
    float* gates = call.gates + row * 3 * n;
    const float* ph = call.ph + row * 3 * n;
    for (int64_t j = 0; j < n; j += V::kLanes) {
      const int64_t count = n - j < V::kLanes ? n - j : V::kLanes;
      const V sum_r = V::load(gates + j, count) + V::load(ph + j, count);
      const V r = V::sigmoid(sum_r + V::load(call.bias_x + j, count));
      const V sum_z = V::load(gates + n + j, count) + V::load(ph + n + j, count);
      const V z = V::sigmoid(sum_z + V::load(call.bias_x + n + j, count));
      const V inner = V::load(ph + 2 * n + j, count) + V::load(call.bias_h + j, count);
      const V outer = V::load(gates + 2 * n + j, count) + V::load(call.bias_x + 2 * n + j, count);
      const V c = V::tanh(outer + r * inner);
      const V h = c + z * (V::load(call.before + row * call.before_stride + j, count) - c);
      V::store(gates + j, r, count);
      V::store(gates + n + j, z, count);
      V::store(gates + 2 * n + j, c, count);
      if (call.inner != nullptr) V::store(call.inner + row * n + j, inner, count);
      V::store(call.h + row * n + j, h, count);
      if (call.h_copy != nullptr) V::store(call.h_copy + row * call.h_copy_stride + j, h, count);
    }
  }
}

template <class V>
inline void gru_cell_backward_rows(const GruCellBackward& call) {
  const int64_t n = call.units;
  const V one = V::broadcast(1.0f);
  for (int64_t row = 0; row < call.rows; ++row) {
    const float* gates = call.gates + row * 3 * n;
    float* d = call.d + row * 4 * n;
    for (int64_t j = 0; j < n; j += V::kLanes) {
      const int64_t count = n - j < V::kLanes ? n - j : V::kLanes;
      const V r = V::load(gates + j, count), z = V::load(gates + n + j, count), c = V::load(gates + 2 * n + j, count);
      const V later = V::load(call.dh + row * n + j, count);
      const V dh = call.dy == nullptr ? later : later + V::load(call.dy + row * n + j, count);
      const V dz = dh * (V::load(call.before + row * call.before_stride + j, count) - c) * z * (one - z);
      const V dc = dh * (one - z) * (one - c * c);
      const V dr = dc * V::load(call.inner + row * n + j, count) * r * (one - r);
      const V parts[4] = {dc, dr, dz, dc * r};
      for (int part = 0; part < 4; ++part) {
        V::store(d + part * n + j, parts[part], count);
        float* sum = call.dbias + part * n + j;
        V::store(sum, V::load(sum, count) + parts[part], count);
      }
      V::store(call.dh + row * n + j, dh * z, count);
    }
  }
}

}  // namespace quantick::kernels
