#pragma once
// For benchmarks: what this core can do at best, measured in the same process: reading memory once, and multiplying
// bytes and floats. 0 where the processor lacks the instructions.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/core/large_pages.h"
#include "quantick/kernels/intrinsics.h"

namespace quantick::kernels {

#if defined(__x86_64__)
/// Reads lines * 64 bytes with the loads of the products, 8 in flight without waiting for each other.
[[gnu::target("avx512f"), gnu::noinline]] inline void read_lines_avx512(const void* from, int64_t lines) {
  const auto* at = static_cast<const char*>(from);
  __m512i sum[8] = {};
  for (int64_t i = 0; i < lines; i += 8, at += 512)
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) sum[j] = _mm512_or_si512(sum[j], _mm512_load_si512(at + 64 * j));
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) asm volatile("" : : "v"(sum[j]));
}

[[gnu::target("avx2"), gnu::noinline]] inline void read_lines_avx2(const void* from, int64_t lines) {
  const auto* at = static_cast<const __m256i*>(from);
  __m256i sum[8] = {};
  for (int64_t i = 0; i < lines; i += 4, at += 8)
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) sum[j] = _mm256_or_si256(sum[j], _mm256_load_si256(at + j));
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) asm volatile("" : : "x"(sum[j]));
}

/// rounds * 16 products of 64 bytes each, 16 sums in flight.
[[gnu::target("avx512f,avx512vnni"), gnu::noinline]] inline void multiply_bytes_avx512(int64_t rounds) {
  __m512i sum[16] = {}, a = _mm512_set1_epi8(1), b = a;
  asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) asm volatile("" : "+v"(sum[j]));  // or equal sums would be made once
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) sum[j] = _mm512_dpbusd_epi32(sum[j], a, b);
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) asm volatile("" : : "v"(sum[j]));
}

/// rounds * 12 products of 32 bytes each.
[[gnu::target("avx2,avxvnni"), gnu::noinline]] inline void multiply_bytes_avxvnni(int64_t rounds) {
  __m256i sum[12] = {}, a = _mm256_set1_epi8(1), b = a;
  asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 12
  for (int j = 0; j < 12; ++j) asm volatile("" : "+x"(sum[j]));
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sum[j] = _mm256_dpbusd_avx_epi32(sum[j], a, b);
#pragma GCC unroll 12
  for (int j = 0; j < 12; ++j) asm volatile("" : : "x"(sum[j]));
}

/// rounds * 16 fused multiply-adds of 16 floats each.
[[gnu::target("avx512f"), gnu::noinline]] inline void multiply_floats_avx512(int64_t rounds) {
  __m512 sum[16] = {}, a = _mm512_set1_ps(0.5f);
  asm volatile("" : "+v"(a));
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) asm volatile("" : "+v"(sum[j]));
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) sum[j] = _mm512_fmadd_ps(a, a, sum[j]);
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) asm volatile("" : : "v"(sum[j]));
}

/// rounds * 16 products of 32 pairs of bf16 each.
[[gnu::target("avx512f,avx512bf16"), gnu::noinline]] inline void multiply_bf16_avx512(int64_t rounds) {
  __m512 sum[16] = {}, pairs = _mm512_set1_ps(0.5f);
  asm volatile("" : "+v"(pairs));
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) asm volatile("" : "+v"(sum[j]));
  const auto a = reinterpret_cast<__m512bh>(pairs);
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) sum[j] = _mm512_dpbf16_ps(sum[j], a, a);
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) asm volatile("" : : "v"(sum[j]));
}

/// rounds * 12 fused multiply-adds of 8 floats each.
[[gnu::target("avx2,fma"), gnu::noinline]] inline void multiply_floats_avx2(int64_t rounds) {
  __m256 sum[12] = {}, a = _mm256_set1_ps(0.5f);
  asm volatile("" : "+x"(a));
#pragma GCC unroll 12
  for (int j = 0; j < 12; ++j) asm volatile("" : "+x"(sum[j]));
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sum[j] = _mm256_fmadd_ps(a, a, sum[j]);
#pragma GCC unroll 12
  for (int j = 0; j < 12; ++j) asm volatile("" : : "x"(sum[j]));
}
#endif

/// Median seconds of one body() over many short runs of about 20 us each.
template <class Body>
double median_seconds(Body body) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [&](int64_t times) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < times; ++i) body();
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(times);
  };
  for (int i = 0; i < 3; ++i) body();
  const auto times = static_cast<int64_t>(std::max(1.0, 20e-6 / std::max(seconds(3), 1e-9)));
  std::vector<double> runs(101);
  for (double& run : runs) run = seconds(times);
  std::nth_element(runs.begin(), runs.begin() + 50, runs.end());
  return runs[50];
}

/// Seconds in which one core reads a hot buffer of `bytes`, on large pages where the system grants them.
inline double stream_seconds(size_t bytes) {
#if defined(__x86_64__)
  const size_t whole = (std::max<size_t>(bytes, 1) + 511) / 512 * 512;
  PooledBytes buffer(whole, nullptr);
  std::memset(buffer.data(), 1, whole);
  const auto lines = static_cast<int64_t>(whole / 64);
  const double part = static_cast<double>(bytes) / static_cast<double>(whole);
  const Isa best = supported_isas().back();
  if (best == Isa::avx512vnni) return part * median_seconds([&] { read_lines_avx512(buffer.data(), lines); });
  if (best != Isa::scalar) return part * median_seconds([&] { read_lines_avx2(buffer.data(), lines); });
#endif
  (void)bytes;
  return 0;
}

/// Products of two bytes (of one byte plane) that one core makes in a second.
inline double vnni_peak_macs_per_second() {
#if defined(__x86_64__)
  constexpr int64_t kRounds = 1000;
  const Isa best = supported_isas().back();
  if (best == Isa::avx512vnni) return kRounds * 16 * 64 / median_seconds([] { multiply_bytes_avx512(kRounds); });
  if (best == Isa::avxvnni) return kRounds * 12 * 32 / median_seconds([] { multiply_bytes_avxvnni(kRounds); });
#endif
  return 0;
}

/// Products of two float32 values, each added to a sum, that one core makes in a second.
inline double f32_peak_macs_per_second() {
#if defined(__x86_64__)
  constexpr int64_t kRounds = 1000;
  const Isa best = supported_isas().back();
  if (best == Isa::avx512vnni) return kRounds * 16 * 16 / median_seconds([] { multiply_floats_avx512(kRounds); });
  if (best != Isa::scalar) return kRounds * 12 * 8 / median_seconds([] { multiply_floats_avx2(kRounds); });
#endif
  return 0;
}

/// Products of two bf16 values that one core makes in a second.
inline double bf16_peak_macs_per_second() {
#if defined(__x86_64__)
  constexpr int64_t kRounds = 1000;
  if (__builtin_cpu_supports("avx512bf16"))
    return kRounds * 16 * 32 / median_seconds([] { multiply_bf16_avx512(kRounds); });
#endif
  return 0;
}

}  // namespace quantick::kernels
