#include "quantick/kernels/activation/activation.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "quantick/kernels/activation/pieces.h"

namespace quantick::kernels {
namespace {

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }

TEST(Activation, EveryInstructionSetGivesTheOracleBitsOverAllFloatPatterns) {
  // A stride coprime to 2^32 visits every exponent, both signs, denormals, infinities and NaN.
  constexpr uint32_t kStride = 4099;
  std::vector<float> x;
  for (uint64_t pattern = 0; pattern < (uint64_t{1} << 32); pattern += kStride)
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(pattern)));
  for (int k = 0; k <= 33; ++k)  // piece borders and their neighbours
    for (float width : {0.5f, 0.25f, 0.125f})
      for (float sign : {1.0f, -1.0f}) {
        const float border = sign * static_cast<float>(k) * width;
        for (float v : {border, std::nextafter(border, 100.0f), std::nextafter(border, -100.0f)}) x.push_back(v);
      }
  std::vector<float> want_sigmoid(x.size()), want_tanh(x.size()), want_erf(x.size()), got(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    want_sigmoid[i] = sigmoid1(x[i]);
    want_tanh[i] = tanh1(x[i]);
    want_erf[i] = erf1(x[i]);
  }
  for (Isa isa : supported_isas()) {
    sigmoid_f32(x.data(), got.data(), static_cast<int64_t>(x.size()), isa);
    EXPECT_EQ(0, std::memcmp(got.data(), want_sigmoid.data(), 4 * x.size())) << isa_name(isa);
    tanh_f32(x.data(), got.data(), static_cast<int64_t>(x.size()), isa);
    EXPECT_EQ(0, std::memcmp(got.data(), want_tanh.data(), 4 * x.size())) << isa_name(isa);
    erf_f32(x.data(), got.data(), static_cast<int64_t>(x.size()), isa);
    EXPECT_EQ(0, std::memcmp(got.data(), want_erf.data(), 4 * x.size())) << isa_name(isa);
  }
}

TEST(Activation, StaysWithinItsErrorAndRange) {
  double sigmoid_error = 0, tanh_error = 0, erf_error = 0;
  for (int i = -400000; i <= 400000; ++i) {
    const float x = static_cast<float>(i) * 4.1e-5f;
    const double truth = 1 / (1 + std::exp(-static_cast<double>(x)));
    sigmoid_error = std::max(sigmoid_error, std::fabs(sigmoid1(x) - truth));
    tanh_error = std::max(tanh_error, std::fabs(tanh1(x) - std::tanh(static_cast<double>(x))));
    erf_error = std::max(erf_error, std::fabs(erf1(x) - std::erf(static_cast<double>(x))));
    ASSERT_LE(std::fabs(tanh1(x)), 1.0f) << x;
    ASSERT_LT(std::fabs(erf1(x)), 1.0f) << x;
    ASSERT_TRUE(sigmoid1(x) >= 0 && sigmoid1(x) <= 1) << x;
  }
  EXPECT_LT(sigmoid_error, 2.7e-7);
  EXPECT_LT(tanh_error, 4.7e-7);
  EXPECT_LT(erf_error, 1.2e-7);
}

TEST(Activation, SpecialValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(sigmoid1(0.0f), 0.5f);
  EXPECT_EQ(sigmoid1(-0.0f), 0.5f);
  EXPECT_EQ(bits(tanh1(0.0f)), bits(0.0f));
  EXPECT_EQ(bits(tanh1(-0.0f)), bits(-0.0f));
  EXPECT_EQ(tanh1(infinity), -tanh1(-infinity));
  EXPECT_EQ(bits(erf1(-0.0f)), bits(-0.0f));
  EXPECT_EQ(sigmoid1(infinity), sigmoid1(1e30f));
  EXPECT_EQ(bits(sigmoid1(std::bit_cast<float>(0xffc12345u))), 0x7fc00000u);
  EXPECT_EQ(bits(tanh1(std::bit_cast<float>(0x7fa00001u))), 0x7fc00000u);
}

TEST(Activation, TailsAndInPlaceCalls) {
  for (Isa isa : supported_isas())
    for (int n = 0; n < 40; ++n) {
      std::vector<float> x(n + 1), y(n + 1, 7.0f);
      for (int i = 0; i <= n; ++i) x[i] = static_cast<float>(i - 11) * 0.37f;
      sigmoid_f32(x.data(), y.data(), n, isa);
      for (int i = 0; i < n; ++i) ASSERT_EQ(bits(y[i]), bits(sigmoid1(x[i])));
      EXPECT_EQ(y[n], 7.0f) << "wrote past the end";
      std::vector<float> z = x;
      tanh_f32(z.data(), z.data(), n, isa);
      for (int i = 0; i < n; ++i) ASSERT_EQ(bits(z[i]), bits(tanh1(x[i])));
      EXPECT_EQ(z[n], x[n]);
    }
}

}  // namespace
}  // namespace quantick::kernels
