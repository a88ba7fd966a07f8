#include "quantick/kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/kernels/quantize/requantize.h"

namespace quantick::kernels {
namespace {

/// sat(RNE(v) + zero) in double, where nothing overflows.
int64_t truth(float v, int bits, int32_t zero) {
  const double top = std::ldexp(1.0, bits - 1);
  return static_cast<int64_t>(std::fmin(std::fmax(std::nearbyint(double{v}) + zero, -top), top - 1));
}

/// Floats of every kind but NaN: ties, limits, huge, tiny, infinite.
std::vector<float> inputs(int64_t n) {
  const Key key = Key(5).fold("quantize");
  std::vector<float> x(n);
  for (int64_t i = 0; i < n; ++i) switch (i % 5) {
      case 0:
        x[i] = static_cast<float>(static_cast<int64_t>(key.below(i, 1025)) - 512) * 0.25f;
        break;
      case 1:
        x[i] = static_cast<float>(40 * key.normal(i));
        break;
      case 2:
        x[i] = std::bit_cast<float>(static_cast<uint32_t>(key.bits(i)));
        if (std::isnan(x[i])) x[i] = std::copysign(std::numeric_limits<float>::infinity(), x[i]);
        break;
      default:
        x[i] = static_cast<float>(20000 * key.normal(i));
    }
  return x;
}

template <class Code, class Quantize, class Dequantize>
void check_boundary(int bits, Quantize quantize, Dequantize dequantize) {
  const auto x = inputs(20003);
  const int64_t n = static_cast<int64_t>(x.size());
  for (Isa isa : supported_isas())
    for (float scale : {0.5f, 0.037f, 1.0f, 0x1p-100f, 3e30f})
      for (int32_t zero : {0, -128, 127, 5}) {
        std::vector<Code> q(n + 1, 77);
        quantize(x.data(), n, scale, zero, q.data(), isa);
        for (int64_t i = 0; i < n; ++i) ASSERT_EQ(q[i], truth(x[i] / scale, bits, zero)) << x[i] << isa_name(isa);
        EXPECT_EQ(q[n], 77) << "wrote past the end";
        std::vector<float> back(n);
        dequantize(q.data(), n, scale, zero, back.data(), isa);
        for (int64_t i = 0; i < n; ++i) {
          const float want = static_cast<float>(q[i] - zero) * scale;
          ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(want));
        }
      }
}

TEST(Quantize, BoundaryGivesTheContractsCodes) {
  check_boundary<int8_t>(8, quantize_s8, dequantize_s8);
  check_boundary<int16_t>(16, quantize_s16, dequantize_s16);
}

TEST(Quantize, CodesSurviveTheRoundTrip) {
  for (Isa isa : supported_isas())
    for (float scale : {0.01f, 1.0f, 0.3f}) {
      std::vector<int8_t> q, back(256);
      for (int v = -128; v < 128; ++v) q.push_back(static_cast<int8_t>(v));
      std::vector<float> x(256);
      dequantize_s8(q.data(), 256, scale, -7, x.data(), isa);
      quantize_s8(x.data(), 256, scale, -7, back.data(), isa);
      EXPECT_EQ(q, back);
    }
}

TEST(Quantize, NanGivesTheLowestCodeEverywhere) {
  const std::vector<float> x(19, std::nanf(""));
  for (Isa isa : supported_isas()) {
    std::vector<int8_t> q(19);
    quantize_s8(x.data(), 19, 0.1f, 30, q.data(), isa);
    EXPECT_EQ(q, std::vector<int8_t>(19, -128)) << isa_name(isa);
  }
}

template <class Code, class Add>
void check_add(int bits, Add add) {
  const Key key = Key(9).fold("add");
  const int64_t top = int64_t{1} << (bits - 1);
  for (Isa isa : supported_isas())
    for (const auto& [sa, sb] : {std::pair{0.5f, 0.25f}, {0.344f, 0.778f}, {1e28f, 3.0f}, {-0.7f, 0.7f}})
      for (int64_t n : {1, 7, 8, 15, 16, 33, 5000}) {
        std::vector<Code> a(n), b(n), y(n + 1, 77);
        for (int64_t i = 0; i < n; ++i) {
          a[i] = static_cast<Code>(static_cast<int64_t>(key.below(2 * i, 2 * top)) - top);
          b[i] = static_cast<Code>(static_cast<int64_t>(key.below(2 * i + 1, 2 * top)) - top);
        }
        add(a.data(), {sa, 3}, b.data(), {sb, -8}, n, 1, y.data(), isa);
        for (int64_t i = 0; i < n; ++i) {
          const float first = static_cast<float>(a[i] - 3) * sa;
          const float second = static_cast<float>(b[i] + 8) * sb;
          ASSERT_EQ(y[i], truth(first + second, bits, 1)) << isa_name(isa);
        }
        EXPECT_EQ(y[n], 77) << "wrote past the end";
      }
}

TEST(Quantize, ResidualSumGivesTheContractsCodes) {
  check_add<int8_t>(8, add_s8);
  check_add<int16_t>(16, add_s16);
}

TEST(Quantize, LargestMagnitudeIsExactAndPassesOverNan) {
  for (Isa isa : supported_isas()) {
    EXPECT_EQ(max_abs(nullptr, 0, isa), 0.0f);
    for (int64_t n : {1, 7, 8, 9, 16, 17, 40}) {
      std::vector<float> x(n);
      for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(i % 3) - 1;
      for (int64_t at : {int64_t{0}, n / 2, n - 1}) {
        std::vector<float> y = x;
        y[at] = -7.5f;
        EXPECT_EQ(max_abs(y.data(), n, isa), 7.5f) << n << " " << at << isa_name(isa);
        y[at] = std::nanf("");
        const float rest = max_abs(y.data(), n, isa);
        EXPECT_TRUE(rest == 0 || rest == 1) << n << " " << at << isa_name(isa);
      }
      const std::vector<float> nans(n, std::nanf(""));
      EXPECT_EQ(max_abs(nans.data(), n, isa), 0.0f);
    }
  }
}

TEST(Quantize, DynamicScalesAreTheRowsOwnAndDecayOverThePast) {
  EXPECT_EQ(dynamic_scale(0), 1.0f);
  EXPECT_EQ(dynamic_scale(0x1p-101f), 1.0f);
  EXPECT_EQ(dynamic_scale(2.54f), 2.54f / 127.0f);
  const std::vector<float> x{1, -4, 0, 0, 0.5f, 0.25f, 8, 2};  // [steps 2, rows 2, width 2]
  for (Isa isa : supported_isas()) {
    std::vector<float> scales(4), maxima{0, 16};
    dynamic_scales(x.data(), 4, 2, scales.data(), isa);
    EXPECT_EQ(scales, (std::vector<float>{4.0f / 127, 1, 0.5f / 127, 8.0f / 127}));
    decaying_scales(x.data(), 2, 2, 2, 0.75f, maxima.data(), scales.data(), isa);
    EXPECT_EQ(scales, (std::vector<float>{4.0f / 127, 12.0f / 127, 3.0f / 127, 9.0f / 127}));
    EXPECT_EQ(maxima, (std::vector<float>{3, 9}));
  }
}

TEST(Quantize, SymmetricCodesStayWithin127) {
  const auto x = inputs(5003);
  const auto n = static_cast<int64_t>(x.size());
  for (Isa isa : supported_isas())
    for (float scale : {0.5f, 0.037f, 100.0f}) {
      std::vector<int8_t> q(n + 1, 77);
      quantize_symmetric_s8(x.data(), n, scale, q.data(), isa);
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(q[i], std::fmin(std::fmax(std::nearbyint(double{x[i] / scale}), -127), 127)) << isa_name(isa);
      EXPECT_EQ(q[n], 77);
    }
}

TEST(Quantize, RequantizationClampsBeforeTheConversion) {
  const OutputLimits limits = output_limits(8, 5);
  EXPECT_EQ(requantize(1000, 0x1p95f, limits), 127);
  EXPECT_EQ(requantize(-1000, 0x1p95f, limits), -128);
  EXPECT_EQ(requantize(5, 0.5f, limits), 7);  // 2.5 to even
  EXPECT_EQ(requantize(7, 0.5f, limits), 9);  // 3.5 to even
  EXPECT_EQ(requantize((int64_t{1} << 53) - 1, 0x1p-50f, limits), 13);
}

}  // namespace
}  // namespace quantick::kernels
