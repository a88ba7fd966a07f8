#include "quantick/kernels/rms_norm/rms_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quantick/core/rng.h"

namespace quantick::kernels {
namespace {

TEST(RmsNorm, IsCloseToFloat64AndWorksInPlace) {
  for (const int64_t n : {1, 15, 16, 17, 129}) {
    const Key key = Key(4).fold(static_cast<uint64_t>(n));
    std::vector<float> x(2 * n), gamma(n), y(2 * n), rstd(2);
    for (int64_t i = 0; i < 2 * n; ++i) x[i] = static_cast<float>(2 + key.normal(i));
    for (int64_t i = 0; i < n; ++i) gamma[i] = static_cast<float>(key.fold("gamma").normal(i));
    rms_norm_f32(x.data(), 2, n, gamma.data(), 1e-5f, y.data(), rstd.data());
    for (int64_t r = 0; r < 2; ++r) {
      double squares = 0;
      for (int64_t k = 0; k < n; ++k) squares += static_cast<double>(x[r * n + k]) * x[r * n + k];
      const double want = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
      EXPECT_NEAR(rstd[r], want, 1e-6);
      for (int64_t k = 0; k < n; ++k) EXPECT_NEAR(y[r * n + k], x[r * n + k] * want * gamma[k], 4e-6);
    }
    rms_norm_f32(x.data(), 2, n, gamma.data(), 1e-5f, x.data());
    EXPECT_EQ(x, y);
  }
}

TEST(RmsNorm, SumsInSixteenLanesThatFoldByHalves) {
  // Squares: 2^24 in lane 0, which absorbs a 1 that follows in its own lane; of the other lanes' ones it loses only
  // the first fold's (lane 8), then gains 2 and 4 and 8.
  std::vector<float> x(17, 1.0f), gamma(17, 1.0f), y(17);
  x[0] = 0x1p12f;
  float rstd = 0;
  rms_norm_f32(x.data(), 1, 17, gamma.data(), 1e-5f, y.data(), &rstd);
  EXPECT_EQ(rstd, 1.0f / std::sqrt((0x1p24f + 14.0f) / 17.0f + 1e-5f));
}

}  // namespace
}  // namespace quantick::kernels
