#include "quantick/kernels/layer_norm/layer_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "quantick/core/rng.h"

namespace quantick::kernels {
namespace {

std::vector<float> normal(const char* name, int64_t n, double size, double shift = 0) {
  const Key key = Key(3).fold(name);
  std::vector<float> x(n);
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(shift + size * key.normal(i));
  return x;
}

TEST(LayerNorm, EveryInstructionSetGivesTheOracleBitsForAllWidths) {
  for (int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 64, 100, 257})
    for (double size : {1e-20, 1.0, 1e15}) {
      const int64_t rows = 5;
      const auto x = normal("x", rows * n, size, size / 3), gamma = normal("gamma", n, 1), beta = normal("beta", n, 1);
      std::vector<float> want(rows * n), mean(rows), rstd(rows);
      layer_norm_f32(x.data(), rows, n, gamma.data(), beta.data(), 1e-5f, want.data(), mean.data(), rstd.data(),
                     Isa::scalar);
      for (Isa isa : supported_isas()) {
        std::vector<float> got(rows * n + 1, 7.0f), m(rows), r(rows), in_place = x;
        layer_norm_f32(x.data(), rows, n, gamma.data(), beta.data(), 1e-5f, got.data(), m.data(), r.data(), isa);
        EXPECT_EQ(0, std::memcmp(got.data(), want.data(), 4 * want.size())) << isa_name(isa) << " n " << n;
        EXPECT_EQ(0, std::memcmp(m.data(), mean.data(), 4 * rows));
        EXPECT_EQ(0, std::memcmp(r.data(), rstd.data(), 4 * rows));
        EXPECT_EQ(got.back(), 7.0f) << "wrote past the end";
        layer_norm_f32(in_place.data(), rows, n, gamma.data(), beta.data(), 1e-5f, in_place.data(), nullptr, nullptr,
                       isa);
        EXPECT_EQ(in_place, want);
      }
    }
}

TEST(LayerNorm, IsCloseToFloat64) {
  const int64_t n = 129;
  const auto x = normal("x", n, 2, 5), gamma = normal("gamma", n, 1), beta = normal("beta", n, 1);
  std::vector<float> y(n);
  layer_norm_f32(x.data(), 1, n, gamma.data(), beta.data(), 1e-5f, y.data());
  double mean = 0, variance = 0;
  for (float v : x) mean += v / static_cast<double>(n);
  for (float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n);
  for (int64_t k = 0; k < n; ++k)
    EXPECT_NEAR(y[k], (x[k] - mean) / std::sqrt(variance + 1e-5) * gamma[k] + beta[k], 4e-6);
}

TEST(LayerNorm, SumsInSixteenLanesThatFoldByHalves) {
  // 2^24 absorbs a 1 added to it, so the order of the sum shows in the mean: in lanes, 2^24 meets its negative (17
  // later, in lane 1) only in the last fold, after lane 0 has absorbed the ones of lanes 8, 4 and 2.
  std::vector<float> x(18, 1.0f), gamma(18, 1.0f), beta(18), y(18);
  x[0] = 0x1p24f;
  x[17] = -0x1p24f;
  // Lane 0: 2^24 + 1 (x[16]) = 2^24; lane 1: 1 - 2^24. Folds of lane 0 add 1, then 2, then 4 (lanes already summed);
  // of lane 1 likewise. 2^24 + 1 = 2^24, + 2, + 4 = 2^24 + 6; 1 - 2^24 + 1 + 2 + 4 = 8 - 2^24. Sum 14; exact would
  // be 16.
  for (Isa isa : supported_isas()) {
    float mean = 0;
    layer_norm_f32(x.data(), 1, 18, gamma.data(), beta.data(), 1e-5f, y.data(), &mean, nullptr, isa);
    EXPECT_EQ(mean, 14.0f / 18.0f) << isa_name(isa);
  }
}

TEST(LayerNorm, AConstantRowGivesBeta) {
  const std::vector<float> x(20, 3.0f), gamma(20, 2.0f), beta = normal("beta", 20, 1);
  std::vector<float> y(20);
  layer_norm_f32(x.data(), 1, 20, gamma.data(), beta.data(), 1e-5f, y.data());
  EXPECT_EQ(y, beta);
}

}  // namespace
}  // namespace quantick::kernels
