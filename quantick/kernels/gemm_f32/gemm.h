#pragma once
// Float matrix products, row-major. C = alpha * op(A) * op(B) + beta * C, op(A) [m, k], op(B) [k, n].
//
// Every element of the product is its own chain of additions over k, cut only every kGemmDepth terms: its bits depend
// neither on m, n, the other rows and columns, nor on threads. Instruction sets may differ in the last bits (the wide
// ones fuse multiply and add; docs/numerics.md, section 14 allows that for float parts).
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/core/large_pages.h"
#include "quantick/kernels/gemm_f32/gemm_kernel.h"

namespace quantick::kernels {

/// Terms of one chain: a panel of B of this depth stays in the first-level cache.
inline constexpr int64_t kGemmDepth = 128;
/// Rows of C that one piece of parallel work computes.
inline constexpr int64_t kGemmRows = 64;

void gemm_f32(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
              const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

/// The same bits, rows spread over the threads.
void gemm_f32_parallel(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha, const float* a,
                       int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

/// Float64, one thread; for checks and small work, not tuned.
void gemm_f64(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda,
              const double* b, int64_t ldb, double beta, double* c, int64_t ldc);

/// op(B) in the order in which the kernel reads it, for products that share it. B of bf16 or fp16 stays in its two
/// bytes and gives the bits of the product with its values in float32.
class PackedMatrix {
 public:
  PackedMatrix() = default;
  /// Packs into `memory`, once; null: into memory of its own.
  explicit PackedMatrix(std::shared_ptr<LargePages> memory) : memory_(std::move(memory)) {}
  PackedMatrix(bool trans_b, int64_t k, int64_t n, const float* b, int64_t ldb, Isa isa = active_isa());

  /// Packs anew, into the memory at hand where it is its own and suffices.
  void pack(bool trans_b, int64_t k, int64_t n, const float* b, int64_t ldb, Isa isa = active_isa());
  void pack(bool trans_b, int64_t k, int64_t n, const Bf16* b, int64_t ldb, Isa isa = active_isa());
  void pack(bool trans_b, int64_t k, int64_t n, const Fp16* b, int64_t ldb, Isa isa = active_isa());

  /// C [m, n] = alpha * A * B, or += with `accumulate`; A's element (i, j) is a[i * row + j * column]. One thread.
  void multiply(int64_t m, const float* a, int64_t row, int64_t column, float alpha, bool accumulate, float* c,
                int64_t ldc) const;

  int64_t depth() const { return k_; }
  int64_t width() const { return n_; }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  template <class T>
  T* start(int64_t k, int64_t n, GemmWeights weights, Isa isa);
  const std::byte* data() const { return memory_ ? pooled_.data() : own_.data()->bytes; }

  int64_t k_ = 0, n_ = 0;
  const GemmKernel* kernel_ = nullptr;
  GemmWeights weights_ = GemmWeights::f32;
  std::shared_ptr<LargePages> memory_;
  PooledBytes pooled_;
  std::vector<Line> own_;
};

}  // namespace quantick::kernels
