#pragma once
// What an instruction set brings to the float product: plain pointers and numbers.
#include <cstdint>

namespace quantick::kernels {

/// How B is kept. The two-byte types are widened, which is exact, on their way into the product.
enum class GemmWeights { f32, bf16, fp16 };

/// Bits of a bfloat16 and of an IEEE binary16 value.
struct Bf16 {
  uint16_t bits;
};
struct Fp16 {
  uint16_t bits;
};

/// C [m, n] (+)= alpha * A * B for one block of k terms. Tiles of A's rows lie `tile` apart; within one, element (i, j)
/// is a[i * row + j * column]. B is packed in panels of `panel` columns, each [k, panel], the last one filled up with
/// zeros. In panels of bf16 the two halves of a row's columns alternate: one shift and one mask widen them.
using GemmRun = void (*)(int64_t m, int64_t n, int64_t k, const float* a, int64_t tile, int64_t row, int64_t column,
                         const void* packed, float alpha, bool accumulate, float* c, int64_t ldc);

struct GemmKernel {
  int64_t panel = 0;    ///< columns of a packed panel
  int64_t rows = 0;     ///< of a full tile
  GemmRun run[3] = {};  ///< by GemmWeights
};

inline constexpr int64_t kGemmPanelScalar = 16, kGemmPanelAvx2 = 16, kGemmPanelAvx512 = 32;
inline constexpr int kGemmRowsScalar = 2, kGemmRowsAvx2 = 6, kGemmRowsAvx512 = 8;

extern const GemmKernel gemm_f32_2x16_scalar, gemm_f32_6x16_avx2, gemm_f32_8x32_avx512vnni;

}  // namespace quantick::kernels
