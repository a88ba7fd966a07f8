#include "quantick/kernels/gemm_f32/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quantick/core/float16.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"

namespace quantick::kernels {
namespace {

std::vector<float> random(int64_t n, uint64_t seed) {
  std::vector<float> out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(2 * Key(seed).uniform(i) - 1);
  return out;
}

struct Sizes {
  int64_t m, n, k;
};
constexpr Sizes kSizes[] = {{1, 1, 1},      {3, 5, 7},   {8, 32, 16},  {65, 33, 129},
                            {130, 70, 300}, {7, 100, 0}, {257, 17, 64}};

/// Strides with a gap behind each row.
constexpr int64_t kGap = 3;

TEST(GemmF32, IsTheProductForEveryTranspositionAndInstructionSet) {
  for (const Isa isa : supported_isas())
    for (const Sizes& s : kSizes)
      for (const bool ta : {false, true})
        for (const bool tb : {false, true})
          for (const float beta : {0.0f, 1.0f, -0.5f}) {
            const ForcedIsa forced(isa);
            const float alpha = 0.75f;
            const int64_t lda = (ta ? s.m : s.k) + kGap, ldb = (tb ? s.k : s.n) + kGap, ldc = s.n + kGap;
            const auto a = random(lda * (ta ? s.k : s.m) + 1, 1), b = random(ldb * (tb ? s.n : s.k) + 1, 2);
            auto c = random(ldc * s.m, 3);
            const auto before = c;
            gemm_f32(ta, tb, s.m, s.n, s.k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
            for (int64_t i = 0; i < s.m; ++i)
              for (int64_t j = 0; j < ldc; ++j) {
                const auto at = static_cast<size_t>(i * ldc + j);
                if (j >= s.n) {
                  ASSERT_EQ(c[at], before[at]) << "gap written";
                  continue;
                }
                double want = static_cast<double>(beta) * before[at];
                for (int64_t l = 0; l < s.k; ++l)
                  want += static_cast<double>(alpha) * a[static_cast<size_t>(ta ? l * lda + i : i * lda + l)] *
                          b[static_cast<size_t>(tb ? j * ldb + l : l * ldb + j)];
                ASSERT_NEAR(c[at], want, 1e-5 * (1 + std::sqrt(static_cast<double>(s.k))))
                    << isa_name(isa) << " m " << s.m << " n " << s.n << " k " << s.k << " ta " << ta << " tb " << tb;
              }
          }
}

TEST(GemmF64, AddsTermsInTheirOrderForEveryTransposition) {
  for (const Sizes& s : kSizes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const double beta : {0.0, 1.0, -0.5}) {
          const double alpha = 0.3;
          const int64_t lda = (ta ? s.m : s.k) + kGap, ldb = (tb ? s.k : s.n) + kGap, ldc = s.n + kGap;
          const auto narrow_a = random(lda * (ta ? s.k : s.m) + 1, 1), narrow_b = random(ldb * (tb ? s.n : s.k) + 1, 2);
          const auto narrow_c = random(ldc * s.m, 3);
          const std::vector<double> a(narrow_a.begin(), narrow_a.end()), b(narrow_b.begin(), narrow_b.end());
          std::vector<double> c(narrow_c.begin(), narrow_c.end()), want = c;
          gemm_f64(ta, tb, s.m, s.n, s.k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
          for (int64_t i = 0; i < s.m; ++i)
            for (int64_t j = 0; j < s.n; ++j) {
              double& sum = want[static_cast<size_t>(i * ldc + j)];
              sum = beta == 0 ? 0 : beta == 1 ? sum : beta * sum;
              for (int64_t l = 0; l < s.k; ++l)
                sum += alpha * a[static_cast<size_t>(ta ? l * lda + i : i * lda + l)] *
                       b[static_cast<size_t>(tb ? j * ldb + l : l * ldb + j)];
            }
          ASSERT_EQ(c, want) << "m " << s.m << " n " << s.n << " k " << s.k << " ta " << ta << " tb " << tb;
        }
}

TEST(GemmF32, BetaZeroReadsNothingOfC) {
  const auto a = random(4, 1), b = random(4, 2);
  std::vector<float> c(4, NAN);
  gemm_f32(false, false, 2, 2, 2, 1, a.data(), 2, b.data(), 2, 0, c.data(), 2);
  for (const float v : c) EXPECT_FALSE(std::isnan(v));
}

TEST(GemmF32, BitsOfARowDependNeitherOnOtherRowsNorOnThreads) {
  const int64_t m = 150, n = 70, k = 300, before = thread_count();
  const auto a = random(m * k, 1), b = random(k * n, 2);
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    std::vector<float> whole(static_cast<size_t>(m * n)), threads(whole), row(static_cast<size_t>(n));
    gemm_f32(false, false, m, n, k, 1, a.data(), k, b.data(), n, 0, whole.data(), n);
    set_thread_count(4);
    gemm_f32_parallel(false, false, m, n, k, 1, a.data(), k, b.data(), n, 0, threads.data(), n);
    set_thread_count(static_cast<int>(before));
    EXPECT_EQ(whole, threads) << isa_name(isa);
    for (const int64_t i : {int64_t{0}, int64_t{7}, int64_t{77}, m - 1}) {
      gemm_f32(false, false, 1, n, k, 1, a.data() + i * k, k, b.data(), n, 0, row.data(), n);
      EXPECT_TRUE(std::equal(row.begin(), row.end(), whole.begin() + i * n)) << isa_name(isa) << ", row " << i;
    }
    for (int64_t rows = 2; rows <= 17; ++rows) {  // few rows take several panels of columns at once
      std::vector<float> few(static_cast<size_t>(rows * n));
      gemm_f32(false, false, rows, n, k, 1, a.data() + 9 * k, k, b.data(), n, 0, few.data(), n);
      EXPECT_TRUE(std::equal(few.begin(), few.end(), whole.begin() + 9 * n)) << isa_name(isa) << ", rows " << rows;
    }
  }
}

TEST(PackedMatrix, GivesTheBitsOfGemmAndMayBePackedAgain) {
  const int64_t m = 70, n = 40, k = 140;
  const auto a = random(m * k, 1), b = random(k * n, 2);
  std::vector<float> want(static_cast<size_t>(m * n)), got(want);
  gemm_f32(false, true, m, n, k, 1, a.data(), k, b.data(), k, 0, want.data(), n);
  PackedMatrix packed(false, 2 * k, 2 * n, random(4 * k * n, 3).data(), 2 * n);
  packed.pack(true, k, n, b.data(), k);
  packed.multiply(m, a.data(), k, 1, 1, false, got.data(), n);
  EXPECT_EQ(got, want);
}

template <class T, float (*kWiden)(uint16_t)>
void expect_bits_of_float32(const char* name) {
  for (const Isa isa : supported_isas())
    for (const Sizes& s : kSizes)
      for (const bool trans : {false, true}) {
        const ForcedIsa forced(isa);
        const int64_t ldb = (trans ? s.k : s.n) + kGap;
        const auto a = random(s.m * s.k + 1, 1);
        std::vector<T> b(static_cast<size_t>(ldb * (trans ? s.n : s.k) + 1));
        std::vector<float> wide(b.size()), want(static_cast<size_t>(s.m * s.n)), got(want);
        for (size_t i = 0; i < b.size(); ++i) {
          // Values below 2 of either type, and denormal ones.
          const auto bits = static_cast<uint16_t>(Key(7).bits(i) & 0xbfff);
          b[i] = {bits};
          wide[i] = kWiden(bits);
        }
        gemm_f32(false, trans, s.m, s.n, s.k, 1, a.data(), s.k, wide.data(), ldb, 0, want.data(), s.n);
        PackedMatrix packed(std::make_shared<LargePages>());
        packed.pack(trans, s.k, s.n, b.data(), ldb);
        packed.multiply(s.m, a.data(), s.k, 1, 1, false, got.data(), s.n);
        ASSERT_EQ(got, want) << name << ", " << isa_name(isa) << " m " << s.m << " n " << s.n << " k " << s.k;
      }
}

TEST(PackedMatrix, TwoByteWeightsGiveTheBitsOfTheirFloat32Values) {
  expect_bits_of_float32<Bf16, from_bf16>("bf16");
  expect_bits_of_float32<Fp16, from_fp16>("fp16");
}

}  // namespace
}  // namespace quantick::kernels
