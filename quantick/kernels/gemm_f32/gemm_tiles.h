#pragma once
// The loops around a tile, for any vector. Included by the files of the instruction sets, each with its own V: a type
// in an unnamed namespace with kLanes, zero, load, store, broadcast and multiply_add.
#include <cstdint>

namespace quantick::kernels {

/// One tile of kRows rows and two vectors of columns.
template <class V, int kRows>
[[gnu::always_inline]] inline void gemm_tile(int64_t k, const float* a, int64_t row, int64_t column, const float* b,
                                             float alpha, bool accumulate, float* c, int64_t ldc, int64_t columns) {
  V sum[kRows][2];
  for (int i = 0; i < kRows; ++i) sum[i][0] = sum[i][1] = V::zero();
  for (int64_t j = 0; j < k; ++j) {
    const V b0 = V::load(b), b1 = V::load(b + V::kLanes);
    b += 2 * V::kLanes;
    const float* at = a + j * column;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const V x = V::broadcast(at[i * row]);
      sum[i][0] = V::multiply_add(x, b0, sum[i][0]);
      sum[i][1] = V::multiply_add(x, b1, sum[i][1]);
    }
  }
  const V scale = V::broadcast(alpha);
  for (int i = 0; i < kRows; ++i) {
    float part[2 * V::kLanes];
    float* to = c + i * ldc;
    const bool whole = columns == 2 * V::kLanes;
    if (!whole && accumulate)
      for (int64_t j = 0; j < 2 * V::kLanes; ++j) part[j] = j < columns ? to[j] : 0.0f;
    float* out = whole ? to : part;
    for (int half = 0; half < 2; ++half) {
      float* at = out + half * V::kLanes;
      V::store(at, accumulate ? V::multiply_add(scale, sum[i][half], V::load(at)) : V::multiply(scale, sum[i][half]));
    }
    if (!whole)
      for (int64_t j = 0; j < columns; ++j) to[j] = part[j];
  }
}

/// The rows that are left over, fewer than a full tile's.
template <class V, int kRows>
inline void gemm_rest(int64_t rows, int64_t k, const float* a, int64_t row, int64_t column, const float* b, float alpha,
                      bool accumulate, float* c, int64_t ldc, int64_t columns) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return gemm_tile<V, kRows>(k, a, row, column, b, alpha, accumulate, c, ldc, columns);
    gemm_rest<V, kRows - 1>(rows, k, a, row, column, b, alpha, accumulate, c, ldc, columns);
  }
}

template <class V, int kRows>
inline void gemm_tiles(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                       const float* packed, float alpha, bool accumulate, float* c, int64_t ldc) {
  constexpr int64_t kPanel = 2 * V::kLanes;
  for (int64_t at = 0; at < n; at += kPanel) {
    const float* b = packed + at * k;
    const int64_t columns = n - at < kPanel ? n - at : kPanel;
    int64_t i = 0;
    for (; i + kRows <= m; i += kRows)
      gemm_tile<V, kRows>(k, a + i / kRows * tile, row, column, b, alpha, accumulate, c + i * ldc + at, ldc, columns);
    gemm_rest<V, kRows - 1>(m - i, k, a + i / kRows * tile, row, column, b, alpha, accumulate, c + i * ldc + at, ldc,
                            columns);
  }
}

}  // namespace quantick::kernels
