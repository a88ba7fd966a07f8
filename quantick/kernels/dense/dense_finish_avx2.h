#pragma once
// From integer sums to results, 8 rows per vector; for the Dense files of AVX2 and AVX-VNNI, which compile it each for
// themselves.
#include "quantick/kernels/dense/dense_plan.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {
namespace {

/// Sums [planes][samples][blocks] of 8 rows each; planes: hi, lo, or lo alone.
[[gnu::noinline]] void finish(const DensePlan& p, const __m256i* sums, int planes, int samples, int blocks,
                              int64_t block, int64_t sample, const DenseCall& c) {
  constexpr int64_t kLanes = 8;
  for (int r = 0; r < blocks; ++r) {
    const int64_t row = (block + r) * kLanes;
    const int64_t count = p.rows - row < kLanes ? p.rows - row : kLanes;
    const __m256i start = _mm256_load_si256(reinterpret_cast<const __m256i*>(p.start + row));
    const __m256i start_high = _mm256_load_si256(reinterpret_cast<const __m256i*>(p.start_high + row));
    const __m256 scale = _mm256_load_ps(p.scale + row);
    for (int n = 0; n < samples; ++n) {
      const int64_t at = (sample + n) * p.rows + row;
      const __m256i low = _mm256_add_epi32(sums[((planes - 1) * samples + n) * blocks + r], start);
      const __m256i high = planes == 2 ? _mm256_add_epi32(sums[n * blocks + r], start_high) : _mm256_setzero_si256();
      __m256 v;
      if (p.wide) {
        alignas(32) int32_t h[8], l[8];
        alignas(32) float values[8];
        _mm256_store_si256(reinterpret_cast<__m256i*>(h), high);
        _mm256_store_si256(reinterpret_cast<__m256i*>(l), low);
        for (int j = 0; j < 8; ++j) values[j] = static_cast<float>(int64_t{h[j]} * 256 + l[j] + p.bias[row + j]);
        v = _mm256_load_ps(values);
      } else {
        __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, 8), low);
        if (c.before) {
          alignas(32) int32_t more[8] = {};
          __builtin_memcpy(more, c.before + at, static_cast<size_t>(count) * sizeof(int32_t));
          sum = _mm256_add_epi32(sum, _mm256_load_si256(reinterpret_cast<const __m256i*>(more)));
        }
        if (p.raw) {
          alignas(32) int32_t out[8];
          _mm256_store_si256(reinterpret_cast<__m256i*>(out), sum);
          __builtin_memcpy(static_cast<int32_t*>(c.y) + at, out, static_cast<size_t>(count) * sizeof(int32_t));
          continue;
        }
        v = _mm256_cvtepi32_ps(sum);
      }
      v = _mm256_mul_ps(v, c.row_scale ? _mm256_mul_ps(_mm256_set1_ps(c.row_scale[sample + n]), scale) : scale);
      if (p.y_bits == 32) {
        alignas(32) float out[8] = {};
        if (c.add) {
          __builtin_memcpy(out, static_cast<const float*>(c.y) + at, static_cast<size_t>(count) * sizeof(float));
          v = _mm256_add_ps(_mm256_load_ps(out), v);
        }
        if (p.bias_real) v = _mm256_add_ps(v, _mm256_load_ps(p.bias_real + row));
        _mm256_store_ps(out, v);
        __builtin_memcpy(static_cast<float*>(c.y) + at, out, static_cast<size_t>(count) * sizeof(float));
        continue;
      }
      v = _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(p.low)), _mm256_set1_ps(p.high));
      const __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(p.zero));
      // The values are within their limits: the packs saturate nothing.
      const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
      alignas(16) char out[16];
      const int width = p.y_bits / 8;
      _mm_store_si128(reinterpret_cast<__m128i*>(out), width == 2 ? shorts : _mm_packs_epi16(shorts, shorts));
      if (count == kLanes)
        __builtin_memcpy(static_cast<char*>(c.y) + at * width, out, static_cast<size_t>(8 * width));
      else
        __builtin_memcpy(static_cast<char*>(c.y) + at * width, out, static_cast<size_t>(count * width));
    }
  }
}

}  // namespace
}  // namespace quantick::kernels
