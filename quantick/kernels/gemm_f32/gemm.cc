#include "quantick/kernels/gemm_f32/gemm.h"

#include <algorithm>
#include <cstring>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/dispatch.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

constexpr KernelList<const GemmKernel*> kKernels = {&gemm_f32_2x16_scalar, &gemm_f32_6x16_avx2,
                                                    &gemm_f32_8x32_avx512vnni};

/// Rows of A that are walked against all panels before the next ones: they stay in the second-level cache.
constexpr int64_t kRowBlock = 256;

int64_t padded(int64_t n, int64_t panel) { return (n + panel - 1) / panel * panel; }

template <class T>
void scale_rows(int64_t m, int64_t n, T beta, T* c, int64_t ldc) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) c[i * ldc + j] = beta == T(0) ? T(0) : c[i * ldc + j] * beta;
}

/// Where column j of a panel lies in a packed term.
template <class T>
int64_t slot(int64_t j, int64_t) {
  return j;
}
template <>
int64_t slot<Bf16>(int64_t j, int64_t panel) {
  return j < panel / 2 ? 2 * j : 2 * j - panel + 1;
}

/// Terms [0, terms) of `columns` columns of B, the rest of the panel zeros.
template <class T>
void pack_panel(bool trans_b, int64_t terms, int64_t columns, const T* b, int64_t ldb, int64_t panel, T* out) {
  const int64_t row = trans_b ? 1 : ldb, column = trans_b ? ldb : 1;
  for (int64_t i = 0; i < terms; ++i, out += panel)
    for (int64_t j = 0; j < panel; ++j) out[slot<T>(j, panel)] = j < columns ? b[i * row + j * column] : T{};
}

/// Four terms of four columns at a time where B lies column by column.
void pack_panel(bool trans_b, int64_t terms, int64_t columns, const float* b, int64_t ldb, int64_t panel, float* out) {
  constexpr int64_t kBlock = 4;
  if (!trans_b) {
    for (int64_t i = 0; i < terms; ++i, out += panel) {
      if (columns == kGemmPanelAvx512) {  // a length that the compiler knows: a call would cost more than the copy
        std::memcpy(out, b + i * ldb, kGemmPanelAvx512 * sizeof(float));
        continue;
      }
      std::copy_n(b + i * ldb, columns, out);
      std::fill(out + columns, out + panel, 0.0f);
    }
    return;
  }
  const int64_t whole = columns == panel ? terms / kBlock * kBlock : 0;
  for (int64_t i = 0; i < whole; i += kBlock)
    for (int64_t j = 0; j < columns; j += kBlock) {
      const float* from = b + j * ldb + i;
      __m128 t0 = _mm_loadu_ps(from), t1 = _mm_loadu_ps(from + ldb);
      __m128 t2 = _mm_loadu_ps(from + 2 * ldb), t3 = _mm_loadu_ps(from + 3 * ldb);
      _MM_TRANSPOSE4_PS(t0, t1, t2, t3);
      float* to = out + i * panel + j;
      _mm_store_ps(to, t0), _mm_store_ps(to + panel, t1);
      _mm_store_ps(to + 2 * panel, t2), _mm_store_ps(to + 3 * panel, t3);
    }
  pack_panel<float>(true, terms - whole, columns, b + whole, ldb, panel, out + whole * panel);
}

template <class T>
void pack_all(bool trans_b, int64_t k, int64_t n, const T* b, int64_t ldb, int64_t panel, T* out) {
  for (int64_t begin = 0; begin < k; begin += kGemmDepth) {
    const int64_t terms = std::min(kGemmDepth, k - begin);
    for (int64_t at = 0; at < n; at += panel, out += terms * panel)
      pack_panel(trans_b, terms, std::min(panel, n - at), b + (trans_b ? at * ldb + begin : begin * ldb + at), ldb,
                 panel, out);
  }
}

}  // namespace

template <class T>
T* PackedMatrix::start(int64_t k, int64_t n, GemmWeights weights, Isa isa) {
  k_ = k, n_ = n, weights_ = weights, kernel_ = kKernels[isa];
  const size_t bytes = static_cast<size_t>(padded(n, kernel_->panel) * k) * sizeof(T);
  if (memory_) {
    pooled_ = PooledBytes(bytes, memory_);
    return reinterpret_cast<T*>(pooled_.data());
  }
  const size_t lines = (bytes + sizeof(Line) - 1) / sizeof(Line);
  if (own_.size() < lines) own_.resize(lines);
  return reinterpret_cast<T*>(own_.data());
}

PackedMatrix::PackedMatrix(bool trans_b, int64_t k, int64_t n, const float* b, int64_t ldb, Isa isa) {
  pack(trans_b, k, n, b, ldb, isa);
}

void PackedMatrix::pack(bool trans_b, int64_t k, int64_t n, const float* b, int64_t ldb, Isa isa) {
  auto* to = start<float>(k, n, GemmWeights::f32, isa);
  pack_all(trans_b, k, n, b, ldb, kernel_->panel, to);
}

void PackedMatrix::pack(bool trans_b, int64_t k, int64_t n, const Bf16* b, int64_t ldb, Isa isa) {
  auto* to = start<Bf16>(k, n, GemmWeights::bf16, isa);
  pack_all(trans_b, k, n, b, ldb, kernel_->panel, to);
}

void PackedMatrix::pack(bool trans_b, int64_t k, int64_t n, const Fp16* b, int64_t ldb, Isa isa) {
  auto* to = start<Fp16>(k, n, GemmWeights::fp16, isa);
  pack_all(trans_b, k, n, b, ldb, kernel_->panel, to);
}

void PackedMatrix::multiply(int64_t m, const float* a, int64_t row, int64_t column, float alpha, bool accumulate,
                            float* c, int64_t ldc) const {
  if (n_ == 0) return;
  if (k_ == 0 && !accumulate) scale_rows(m, n_, 0.0f, c, ldc);
  const GemmKernel& kernel = *kernel_;
  const GemmRun run = kernel.run[static_cast<int>(weights_)];
  const int64_t term_bytes = padded(n_, kernel.panel) * (weights_ == GemmWeights::f32 ? 4 : 2);
  for (int64_t top = 0; top < m; top += kRowBlock) {
    const int64_t rows = std::min(kRowBlock, m - top);
    for (int64_t begin = 0; begin < k_; begin += kGemmDepth) {
      const int64_t terms = std::min(kGemmDepth, k_ - begin);
      const float* from = a + top * row + begin * column;
      const std::byte* b = data() + begin * term_bytes;
      float* to = c + top * ldc;
      const bool add = accumulate || begin > 0;
      run(rows, n_, terms, from, kernel.rows * row, row, column, b, alpha, add, to, ldc);
    }
  }
}

void gemm_f32(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
              const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  if (beta != 0.0f && beta != 1.0f) scale_rows(m, n, beta, c, ldc);
  if (k == 0 && beta == 0.0f) scale_rows(m, n, beta, c, ldc);
  const int64_t row = trans_a ? 1 : lda, column = trans_a ? lda : 1;
  thread_local PackedMatrix packed;  // as many terms as one chain has: they stay in the cache
  for (int64_t begin = 0; begin < k; begin += kGemmDepth) {
    packed.pack(trans_b, std::min(kGemmDepth, k - begin), n, b + begin * (trans_b ? 1 : ldb), ldb);
    packed.multiply(m, a + begin * column, row, column, alpha, beta != 0.0f || begin > 0, c, ldc);
  }
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
  const int64_t row = trans_a ? 1 : lda, column = trans_a ? lda : 1;
  if (!trans_b) {
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < k; ++j) {
        const double x = alpha * a[i * row + j * column];
        for (int64_t l = 0; l < n; ++l) c[i * ldc + l] += x * b[j * ldb + l];
      }
    return;
  }
  // The same terms in the same order, some sums at a time: their rows of B are read along, and stay for the next row.
  constexpr int64_t kSums = 8;
  for (int64_t begin = 0; begin < n; begin += kSums) {
    const int64_t sums = std::min(kSums, n - begin);
    const double* rows[kSums];  // the last ones may be the same row
    for (int64_t l = 0; l < kSums; ++l) rows[l] = b + (begin + std::min(l, sums - 1)) * ldb;
    for (int64_t i = 0; i < m; ++i) {
      double sum[kSums] = {};
      double* out = c + i * ldc + begin;
      std::copy_n(out, sums, sum);
      for (int64_t j = 0; j < k; ++j) {
        const double x = alpha * a[i * row + j * column];
#pragma GCC unroll 8
        for (int64_t l = 0; l < kSums; ++l) sum[l] += x * rows[l][j];
      }
      std::copy_n(sum, sums, out);
    }
  }
}

}  // namespace quantick::kernels
