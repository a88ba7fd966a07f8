// Packing with 256-bit vectors. No std:: templates
// and no lambdas here: they would be compiled for AVX2, or miss it.
#include "quantick/kernels/dense/dense_pack.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

constexpr int64_t kRows = 8;     // rows that are transposed together
constexpr int64_t kBytes = 32;   // of each row at once
constexpr int64_t kDeepRow = 4;  // columns that stay together
constexpr int64_t kPairRow = 2;

int64_t sum_of_lanes(__m256i v) {
  alignas(32) int64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), v);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/// 8 x 8 groups of 4 bytes: line j of `out` gets group j of each row.
void transpose_fours(const int8_t* weights, int64_t cols, int64_t stride, int8_t* out) {
  __m256i a[8], b[8];
#pragma GCC unroll 8
  for (int r = 0; r < 8; ++r) a[r] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + r * cols));
#pragma GCC unroll 4
  for (int r = 0; r < 8; r += 2) {
    b[r] = _mm256_unpacklo_epi32(a[r], a[r + 1]);
    b[r + 1] = _mm256_unpackhi_epi32(a[r], a[r + 1]);
  }
#pragma GCC unroll 2
  for (int r = 0; r < 8; r += 4) {
    a[r] = _mm256_unpacklo_epi64(b[r], b[r + 2]);
    a[r + 1] = _mm256_unpackhi_epi64(b[r], b[r + 2]);
    a[r + 2] = _mm256_unpacklo_epi64(b[r + 1], b[r + 3]);
    a[r + 3] = _mm256_unpackhi_epi64(b[r + 1], b[r + 3]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + j * stride), _mm256_permute2x128_si256(a[j], a[j + 4], 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (j + 4) * stride),
                        _mm256_permute2x128_si256(a[j], a[j + 4], 0x31));
  }
}

/// 8 x 8 groups of 2 bytes.
void transpose_pairs(const int8_t* weights, int64_t cols, int64_t stride, int8_t* out) {
  __m128i a[8], b[8];
#pragma GCC unroll 8
  for (int r = 0; r < 8; ++r) a[r] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + r * cols));
#pragma GCC unroll 4
  for (int r = 0; r < 8; r += 2) {
    b[r] = _mm_unpacklo_epi16(a[r], a[r + 1]);
    b[r + 1] = _mm_unpackhi_epi16(a[r], a[r + 1]);
  }
#pragma GCC unroll 2
  for (int r = 0; r < 8; r += 4) {
    a[r] = _mm_unpacklo_epi32(b[r], b[r + 2]);
    a[r + 1] = _mm_unpackhi_epi32(b[r], b[r + 2]);
    a[r + 2] = _mm_unpacklo_epi32(b[r + 1], b[r + 3]);
    a[r + 3] = _mm_unpackhi_epi32(b[r + 1], b[r + 3]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * j * stride), _mm_unpacklo_epi64(a[j], a[j + 4]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (2 * j + 1) * stride), _mm_unpackhi_epi64(a[j], a[j + 4]));
  }
}

}  // namespace

void row_sums_avx2(const int8_t* weights, int64_t rows, int64_t cols, int64_t* sums, int64_t* magnitudes) {
  const __m256i zero = _mm256_setzero_si256(), flip = _mm256_set1_epi8(static_cast<char>(0x80));
  for (int64_t r = 0; r < rows; ++r, weights += cols) {
    __m256i shifted = zero, magnitude = zero;  // of w + 128, so that bytes are unsigned
    int64_t k = 0;
    for (; k + kBytes <= cols; k += kBytes) {
      const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + k));
      shifted = _mm256_add_epi64(shifted, _mm256_sad_epu8(_mm256_xor_si256(w, flip), zero));
      magnitude = _mm256_add_epi64(magnitude, _mm256_sad_epu8(_mm256_abs_epi8(w), zero));
    }
    sums[r] = sum_of_lanes(shifted) - 128 * k;
    magnitudes[r] = sum_of_lanes(magnitude);
    for (; k < cols; ++k) {
      sums[r] += weights[k];
      magnitudes[r] += weights[k] < 0 ? -weights[k] : weights[k];
    }
  }
}

void pack_columns_avx2(const int8_t* weights, int64_t rows, int64_t cols, int64_t first, int64_t depth, int64_t stride,
                       int8_t* out) {
  for (int64_t r = 0; r < rows; r += kRows, weights += kRows * cols, out += kRows * depth) {
    int64_t k = first;
    if (rows - r >= kRows && depth == kDeepRow)
      for (; k + kBytes <= cols; k += kBytes) transpose_fours(weights + k, cols, stride, out + k / depth * stride);
    if (rows - r >= kRows && depth == kPairRow)
      for (; k + kBytes / 2 <= cols; k += kBytes / 2)
        transpose_pairs(weights + k, cols, stride, out + k / depth * stride);
    pack_columns_scalar(weights, rows - r < kRows ? rows - r : kRows, cols, k, depth, stride, out);
  }
}

bool to_nibbles_avx2(const int8_t* lines, int64_t pairs, int64_t line_bytes, int8_t* out) {
  const __m256i low = _mm256_set1_epi8(15), eight = _mm256_set1_epi8(8);
  __m256i outside = _mm256_setzero_si256();
  for (int64_t pair = 0; pair < pairs; ++pair, lines += 2 * line_bytes, out += line_bytes)
    for (int64_t i = 0; i < line_bytes; i += kBytes) {
      const __m256i even = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lines + i));
      const __m256i odd = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lines + line_bytes + i));
      outside = _mm256_or_si256(outside, _mm256_or_si256(_mm256_add_epi8(even, eight), _mm256_add_epi8(odd, eight)));
      const __m256i top = _mm256_slli_epi16(_mm256_and_si256(odd, low), 4);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_or_si256(_mm256_and_si256(even, low), top));
    }
  return _mm256_testz_si256(outside, _mm256_set1_epi8(static_cast<char>(0xf0))) == 1;
}

void from_nibbles_avx2(const uint8_t* nibbles, int64_t count, int8_t* codes) {
  const __m256i low = _mm256_set1_epi8(15), eight = _mm256_set1_epi8(8);
  int64_t i = 0;
  for (; i + kBytes <= count; i += kBytes) {
    const __m256i pairs = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(nibbles + i / 2)));
    const __m256i codes_up = _mm256_and_si256(_mm256_or_si256(pairs, _mm256_slli_epi16(pairs, 4)), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i),
                        _mm256_sub_epi8(_mm256_xor_si256(codes_up, eight), eight));
  }
  from_nibbles_scalar(nibbles + i / 2, count - i, codes + i);
}

}  // namespace quantick::kernels
