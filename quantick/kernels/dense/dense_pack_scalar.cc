// Packing and row sums of Dense in plain C++.
#include "quantick/kernels/dense/dense_plan.h"

namespace quantick::kernels {

void dense_row_sums_scalar(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes) {
  for (int64_t r = 0; r < rows; ++r, weights += cols) {
    sums[r] = magnitudes[r] = 0;
    for (int64_t k = 0; k < cols; ++k) {
      sums[r] += weights[k];
      magnitudes[r] += weights[k] < 0 ? -weights[k] : weights[k];
    }
  }
}

void dense_pack_columns(const int8_t* weights, int64_t rows, int64_t cols, int64_t first, int64_t depth, int64_t stride,
                        int8_t* out) {
  for (int64_t k = first; k < cols; ++k)
    for (int64_t r = 0; r < rows; ++r) out[k / depth * stride + r * depth + k % depth] = weights[r * cols + k];
}

void dense_pack_scalar(const int8_t* weights, int64_t rows, int64_t cols, int64_t depth, int64_t stride, int8_t* out) {
  dense_pack_columns(weights, rows, cols, 0, depth, stride, out);
}

}  // namespace quantick::kernels
