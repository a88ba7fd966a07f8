#pragma once
// The loops around a tile, for any vector. Included by the files of the instruction sets, each with its own V: a type
// in an unnamed namespace with kLanes, zero, load, store, both with a count too, broadcast, multiply, multiply_add, and
// widen, which reads the two vectors of one term of a panel.
#include <cstdint>

#include "quantick/kernels/gemm_f32/gemm_kernel.h"

namespace quantick::kernels {

/// Where a tile's sums go: `columns` of them in each row.
struct GemmTarget {
  float alpha;
  bool accumulate;
  float* c;
  int64_t ldc, columns;
};

/// Terms that are asked for ahead where A lies column by column: each of them is a cache line of its own.
inline constexpr int64_t kAhead = 24;

/// One tile of kRows rows and kPanels panels, `panel` elements apart.
template <class V, class B, int kRows, int kPanels>
[[gnu::always_inline]] inline void gemm_tile(int64_t k, const float* a, int64_t row, int64_t column, const B* b,
                                             int64_t panel, const GemmTarget& to) {
  constexpr int kVectors = 2 * kPanels;
  constexpr int kLine = 16;
  // What the sums go to arrives while they are made.
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
    for (int v = 0; v < kVectors * V::kLanes; v += kLine) __builtin_prefetch(to.c + i * to.ldc + v, 1);
  V sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sum[i][v] = V::zero();
  for (int64_t j = 0; j < k; ++j) {
    if constexpr (kRows > 2) __builtin_prefetch(a + (j + kAhead) * column);
    V right[kVectors];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) V::widen(b + p * panel, right[2 * p], right[2 * p + 1]);
    b += 2 * V::kLanes;
    const float* at = a + j * column;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const V x = V::broadcast(at[i * row]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[i][v] = V::multiply_add(x, right[v], sum[i][v]);
    }
  }
  const V scale = V::broadcast(to.alpha);
  if (to.columns == kVectors * V::kLanes) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        float* at = to.c + i * to.ldc + v * V::kLanes;
        V::store(at, to.accumulate ? V::multiply_add(scale, sum[i][v], V::load(at)) : V::multiply(scale, sum[i][v]));
      }
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const int64_t left = to.columns - v * V::kLanes, count = left < V::kLanes ? left : V::kLanes;
      if (count <= 0) continue;
      float* at = to.c + i * to.ldc + v * V::kLanes;
      const V before = to.accumulate ? V::load(at, count) : V::zero();
      V::store(at, to.accumulate ? V::multiply_add(scale, sum[i][v], before) : V::multiply(scale, sum[i][v]), count);
    }
}

/// kRows rows against the panels from column `at` on, kPanels at a time as long as more than kPanels - 1 are left.
/// Returns the column after them.
template <class V, class B, int kRows, int kPanels>
inline int64_t gemm_strip(int64_t at, int64_t n, int64_t k, const float* a, int64_t row, int64_t column,
                          const B* packed, float alpha, bool accumulate, float* c, int64_t ldc) {
  constexpr int64_t kPanel = 2 * V::kLanes, kTogether = kPanels * kPanel;
  for (; n - at > kTogether - kPanel; at += kTogether) {
    const int64_t columns = n - at < kTogether ? n - at : kTogether;
    gemm_tile<V, B, kRows, kPanels>(k, a, row, column, packed + at * k, kPanel * k,
                                    {alpha, accumulate, c + at, ldc, columns});
  }
  return at;
}

/// Fewer rows than a full tile's. The sums of a row wait for themselves term by term, and only those of other columns
/// fill that time: the fewer rows, the more panels at once.
template <class V, class B, int kRows>
inline void gemm_rest(int64_t rows, int64_t n, int64_t k, const float* a, int64_t row, int64_t column, const B* packed,
                      float alpha, bool accumulate, float* c, int64_t ldc) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return gemm_rest<V, B, kRows - 1>(rows, n, k, a, row, column, packed, alpha, accumulate, c, ldc);
    int64_t at = 0;
    if constexpr (kRows == 1)
      at = gemm_strip<V, B, kRows, 4>(at, n, k, a, row, column, packed, alpha, accumulate, c, ldc);
    if constexpr (kRows <= 2)
      at = gemm_strip<V, B, kRows, 2>(at, n, k, a, row, column, packed, alpha, accumulate, c, ldc);
    gemm_strip<V, B, kRows, 1>(at, n, k, a, row, column, packed, alpha, accumulate, c, ldc);
  }
}

template <class V, class B, int kRows>
inline void gemm_tiles(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                       const void* packed, float alpha, bool accumulate, float* c, int64_t ldc) {
  constexpr int64_t kPanel = 2 * V::kLanes;
  const B* b = static_cast<const B*>(packed);
  const int64_t tiles = m / kRows, rest = m - tiles * kRows;
  for (int64_t at = 0; tiles > 0 && at < n; at += kPanel) {
    const int64_t columns = n - at < kPanel ? n - at : kPanel;
    for (int64_t i = 0; i < tiles; ++i)
      gemm_tile<V, B, kRows, 1>(k, a + i * tile, row, column, b + at * k, 0,
                                {alpha, accumulate, c + i * kRows * ldc + at, ldc, columns});
  }
  gemm_rest<V, B, kRows - 1>(rest, n, k, a + tiles * tile, row, column, b, alpha, accumulate, c + tiles * kRows * ldc,
                             ldc);
}

}  // namespace quantick::kernels
