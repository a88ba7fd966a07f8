#pragma once
// Matrix products of arrays' memory, by element type.
#include "quantick/kernels/gemm_f32/gemm.h"
#include "quantick/tensor/array.h"

namespace quantick {

/// C [m, n] = op(A) * op(B) + beta * C, row-major.
inline void product(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
                    const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  kernels::gemm_f32_parallel(trans_a, trans_b, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}

inline void product(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double* a, int64_t lda,
                    const double* b, int64_t ldb, double beta, double* c, int64_t ldc) {
  kernels::gemm_f64(trans_a, trans_b, m, n, k, 1.0, a, lda, b, ldb, beta, c, ldc);
}

/// A matrix (or a stack of them) whose last two axes a product can read where they lie.
struct MatrixOperand {
  Array array;
  bool transposed = false;
  int64_t stride = 0;  ///< between rows, or between columns where transposed

  explicit MatrixOperand(const Array& x) : array(x) {
    const int64_t rows = x.shape()[-2], columns = x.shape()[-1];
    const int64_t down = x.strides()[-2], right = x.strides()[-1];
    if ((right == 1 || columns <= 1) && (down >= columns || rows <= 1)) {
      stride = down >= columns ? down : columns;
    } else if (down == 1 && right >= rows) {
      transposed = true;
      stride = right;
    } else {
      array = x.copy();
      stride = columns;
    }
  }
};

}  // namespace quantick
