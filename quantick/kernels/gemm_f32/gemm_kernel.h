#pragma once
// What an instruction set brings to the float product: plain pointers and numbers.
#include <cstdint>

namespace quantick::kernels {

/// C [m, n] (+)= alpha * A * B for one block of k terms. Tiles of A's rows lie `tile`
/// apart; within one, element (i, j) is a[i * row + j * column]. B is packed in
/// panels of `panel` columns, each [k, panel], the last one filled up with zeros.
using GemmRun = void (*)(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                         const float* packed, float alpha, bool accumulate, float* c, int64_t ldc);

struct GemmKernel {
  int64_t panel = 0;  ///< columns of a packed panel
  int64_t rows = 0;   ///< of a full tile
  GemmRun run = nullptr;
};

inline constexpr int64_t kGemmPanelScalar = 16, kGemmPanelAvx2 = 16, kGemmPanelAvx512 = 32;
inline constexpr int kGemmRowsScalar = 2, kGemmRowsAvx2 = 6, kGemmRowsAvx512 = 8;

void gemm_f32_2x16_scalar(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                          const float* packed, float alpha, bool accumulate, float* c, int64_t ldc);
void gemm_f32_6x16_avx2(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                        const float* packed, float alpha, bool accumulate, float* c, int64_t ldc);
void gemm_f32_8x32_avx512vnni(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row,
                              int64_t column, const float* packed, float alpha, bool accumulate, float* c, int64_t ldc);

}  // namespace quantick::kernels
