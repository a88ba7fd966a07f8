#include "quantick/kernels/gemm_f32/gemm.h"

#include <algorithm>
#include <cstring>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<GemmKernel> kKernels = {{kGemmPanelScalar, kGemmRowsScalar, gemm_f32_2x16_scalar},
                                             {kGemmPanelAvx2, kGemmRowsAvx2, gemm_f32_6x16_avx2},
                                             {kGemmPanelAvx512, kGemmRowsAvx512, gemm_f32_8x32_avx512vnni}};

/// Rows of A that are walked against all panels before the next ones: they stay in the second-level cache.
constexpr int64_t kRowBlock = 256;

int64_t padded(int64_t n, int64_t panel) { return (n + panel - 1) / panel * panel; }

template <class T>
void scale_rows(int64_t m, int64_t n, T beta, T* c, int64_t ldc) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : c[i * ldc + j] * beta;
}

/// Memory of gather_tiles: at most kRowBlock rows, rounded up to tiles, of kGemmDepth terms.
thread_local std::vector<float> tiles;

/// Whole tiles are copied with a length that the compiler knows: a call per term would cost more than the copy.
void copy_rows(const float* from, int64_t rows, float* to) {
  if (rows == kGemmRowsAvx512)
    std::memcpy(to, from, kGemmRowsAvx512 * sizeof(float));
  else if (rows == kGemmRowsAvx2)
    std::memcpy(to, from, kGemmRowsAvx2 * sizeof(float));
  else
    std::copy_n(from, rows, to);
}

/// An A that lies column by column, tile after tile, each [terms, rows of a tile]: else every term would cost a cache
/// line of its own.
void gather_tiles(int64_t m, int64_t terms, const float* a, int64_t column, int64_t tile_rows) {
  tiles.resize(static_cast<size_t>(padded(m, tile_rows) * terms));
  for (int64_t i = 0; i < m; i += tile_rows) {
    const int64_t rows = std::min(tile_rows, m - i);
    for (int64_t j = 0; j < terms; ++j) copy_rows(a + i + j * column, rows, tiles.data() + i * terms + j * tile_rows);
  }
}

}  // namespace

PackedMatrix::PackedMatrix(bool trans_b, int64_t k, int64_t n, const float* b, int64_t ldb, Isa isa) {
  pack(trans_b, k, n, b, ldb, isa);
}

void PackedMatrix::pack(bool trans_b, int64_t k, int64_t n, const float* b, int64_t ldb, Isa isa) {
  k_ = k;
  n_ = n;
  kernel_ = kKernels[isa];
  const int64_t panel = kernel_.panel, lines = padded(n, panel) * k / 16;
  if (static_cast<int64_t>(data_.size()) < lines) data_.resize(static_cast<size_t>(lines));
  float* out = data_.empty() ? nullptr : data_.front().values;
  for (int64_t begin = 0; begin < k; begin += kGemmDepth) {
    const int64_t end = std::min(k, begin + kGemmDepth);
    for (int64_t at = 0; at < n; at += panel) {
      const int64_t columns = std::min(panel, n - at);
      for (int64_t i = begin; i < end; ++i, out += panel) {
        if (trans_b)
          for (int64_t j = 0; j < columns; ++j) out[j] = b[(at + j) * ldb + i];
        else
          std::copy_n(b + i * ldb + at, columns, out);
        std::fill(out + columns, out + panel, 0.0f);
      }
    }
  }
}

void PackedMatrix::multiply(int64_t m, const float* a, int64_t row, int64_t column, float alpha, bool accumulate,
                            float* c, int64_t ldc) const {
  if (n_ == 0) return;
  if (k_ == 0 && !accumulate) scale_rows(m, n_, 0.0f, c, ldc);
  const int64_t width = padded(n_, kernel_.panel);
  for (int64_t top = 0; top < m; top += kRowBlock) {
    const int64_t rows = std::min(kRowBlock, m - top);
    for (int64_t begin = 0; begin < k_; begin += kGemmDepth) {
      const int64_t terms = std::min(kGemmDepth, k_ - begin);
      const float* from = a + top * row + begin * column;
      const float* b = data_.front().values + begin * width;
      float* to = c + top * ldc;
      const bool add = accumulate || begin > 0;
      if (row == 1 && column != 1) {
        gather_tiles(rows, terms, from, column, kernel_.rows);
        kernel_.run(rows, n_, terms, tiles.data(), kernel_.rows * terms, 1, kernel_.rows, b, alpha, add, to, ldc);
      } else {
        kernel_.run(rows, n_, terms, from, kernel_.rows * row, row, column, b, alpha, add, to, ldc);
      }
    }
  }
}

void gemm_f32(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
              const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  if (beta != 0.0f && beta != 1.0f) scale_rows(m, n, beta, c, ldc);
  thread_local PackedMatrix packed;
  packed.pack(trans_b, k, n, b, ldb);
  packed.multiply(m, a, trans_a ? 1 : lda, trans_a ? lda : 1, alpha, beta != 0.0f, c, ldc);
}

void gemm_f32_parallel(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
                       int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m <= kGemmRows || n == 0) return gemm_f32(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  const PackedMatrix packed(trans_b, k, n, b, ldb);
  const int64_t row = trans_a ? 1 : lda, column = trans_a ? lda : 1;
  parallel_ranges(m, kGemmRows, [&](int64_t begin, int64_t end) {
    if (beta != 0.0f && beta != 1.0f) scale_rows(end - begin, n, beta, c + begin * ldc, ldc);
    packed.multiply(end - begin, a + begin * row, row, column, alpha, beta != 0.0f, c + begin * ldc, ldc);
  });
}

void gemm_f64(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda,
              const double* b, int64_t ldb, double beta, double* c, int64_t ldc) {
  if (beta != 1.0) scale_rows(m, n, beta, c, ldc);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < k; ++j) {
      const double x = alpha * (trans_a ? a[j * lda + i] : a[i * lda + j]);
      if (trans_b)
        for (int64_t l = 0; l < n; ++l) c[i * ldc + l] += x * b[l * ldb + j];
      else
        for (int64_t l = 0; l < n; ++l) c[i * ldc + l] += x * b[j * ldb + l];
    }
}

}  // namespace quantick::kernels
