#pragma once
// What the float recurrent layers share: matrix products by element type (float32 by the kernels, float64 plainly, for
// finite differences) and the handling of states.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/tensor/array.h"

namespace quantick {

/// Parts of the batch whose weight gradients are summed by themselves before the parts are summed in order; bounds the
/// memory of the partial sums.
inline constexpr int64_t kRecurrentParts = 16;

struct Products32 {
  using T = float;
  using Matrix = kernels::PackedMatrix;
  /// c [m, columns of b] = a * b, or += with `accumulate`; a's element (i, j) is a[i * row + j * column].
  static void multiply(const Matrix& b, int64_t m, const T* a, int64_t row, int64_t column, bool accumulate, T* c,
                       int64_t ldc) {
    b.multiply(m, a, row, column, 1.0f, accumulate, c, ldc);
  }
  /// c [m, n] += a^T * b, a [k, m] and b [k, n] with rows lda and ldb apart.
  static void add_transposed(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c) {
    kernels::gemm_f32(true, false, m, n, k, 1.0f, a, lda, b, ldb, 1.0f, c, n);
  }
};

struct Products64 {
  using T = double;
  struct Matrix {
    bool trans = false;
    int64_t k = 0, n = 0;
    std::vector<double> values;
    int64_t ldb = 0;
    void pack(bool trans_b, int64_t rows, int64_t columns, const double* b, int64_t stride) {
      trans = trans_b, k = rows, n = columns, ldb = trans_b ? rows : columns;
      const int64_t lines = trans_b ? columns : rows;
      values.resize(static_cast<size_t>(lines * ldb));
      for (int64_t i = 0; i < lines; ++i) std::copy_n(b + i * stride, ldb, values.data() + i * ldb);
    }
  };
  static void multiply(const Matrix& b, int64_t m, const T* a, int64_t row, int64_t column, bool accumulate, T* c,
                       int64_t ldc) {
    const bool trans_a = column != 1;
    kernels::gemm_f64(trans_a, b.trans, m, b.n, b.k, 1.0, a, trans_a ? column : row, b.values.data(), b.ldb,
                      accumulate ? 1.0 : 0.0, c, ldc);
  }
  static void add_transposed(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c) {
    kernels::gemm_f64(true, false, m, n, k, 1.0, a, lda, b, ldb, 1.0, c, n);
  }
};

/// Null for an undefined array.
template <class T>
T* writable(Array& x) {
  return x.defined() ? x.mutable_data<T>() : nullptr;
}

/// Rows [begin, begin + rows) of an [N, width] array, or zeros where it is undefined.
template <class T>
void load_state_rows(const Array& from, int64_t begin, int64_t rows, int64_t width, T* to, int64_t stride) {
  for (int64_t r = 0; r < rows; ++r) {
    if (from.defined())
      std::copy_n(from.data<T>() + (begin + r) * width, width, to + r * stride);
    else
      std::fill_n(to + r * stride, width, T(0));
  }
}

}  // namespace quantick
