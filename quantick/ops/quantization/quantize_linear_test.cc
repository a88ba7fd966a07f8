// What the rows' samples do not reach: negative values, ties, the operators one after the other.
#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"
#include "quantick/ops/ops.h"

namespace quantick {
namespace {

std::vector<int> ints(const Array& x) { return x.to_vector<int>(); }

TEST(QuantizeLinear, RoundsHalfToEvenBeforeTheZeroPoint) {
  const Array x = Array::from(std::vector<float>{-5, -3, -1, 1, 3, 5, 1e9f, -1e9f}), scale = Array(2.0f);
  EXPECT_EQ(ints(quantize_linear(x, scale, Array::full({}, 1, DType::i8), "int8")),
            (std::vector<int>{-1, -1, 1, 1, 3, 3, 127, -128}));
  EXPECT_EQ(ints(quantize_linear(x, scale)), (std::vector<int>{0, 0, 0, 0, 2, 2, 255, 0}));
}

TEST(QuantizeLinear, RefusesScalesThatAreNotPositive) {
  const Array x = Array::ones({2});
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN()})
    EXPECT_THROW(quantize_linear(x, Array(scale)), ValueError);
}

TEST(QuantizeLinear, CodesSurviveTheWayBack) {
  std::vector<float> values;
  for (int i = -128; i < 128; ++i) values.push_back(static_cast<float>(i));
  const Array codes = Array::from(values, {2, 128}).astype(DType::i8);
  const Array scale = Array::from(std::vector<float>{0.1f, 3.7f}), zero = Array::from(std::vector<int8_t>{-20, 90});
  const Array x = dequantize_linear(codes, scale, zero, 0);
  EXPECT_TRUE(same_bits(quantize_linear(x, scale, zero, "int8", 0), codes));
}

TEST(DequantizeLinear, TakesTheLastBlockShort) {
  const Array codes = Array::from(std::vector<int8_t>{1, 2, 3, 4, 5}, {1, 5});
  const Array scale = Array::from(std::vector<float>{1, 10, 100}, {1, 3});
  EXPECT_EQ(ints(dequantize_linear(codes, scale, {}, 1, 2)), (std::vector<int>{1, 2, 30, 40, 500}));
}

TEST(DynamicQuantizeLinear, RangeAlwaysHoldsZero) {
  const Arrays out = dynamic_quantize_linear(Array::from(std::vector<float>{-255, -51, -127.5f}));
  EXPECT_EQ(ints(out[0]), (std::vector<int>{0, 204, 127}));  // -127.5 rounds to -128 before the zero point
  EXPECT_EQ(out[1].item(), 1);
  EXPECT_EQ(out[2].item(), 255);
  EXPECT_THROW(dynamic_quantize_linear(Array::full({2}, std::numeric_limits<double>::infinity())), ValueError);
}

TEST(MatMulInteger, WrapsAsInt32Does) {
  // 40,000 products of 255 * 255 leave int32.
  const Array a = Array::full({1, 40000}, 255, DType::u8), b = Array::full({40000, 1}, 255, DType::u8);
  EXPECT_EQ(matmul_integer(a, b).item(), 40000.0 * 255 * 255 - 0x1p32);
}

TEST(ConvInteger, PadsHoldTheZeroPoint) {
  const Array x = Array::full({1, 1, 2}, 7, DType::u8), w = Array::ones({1, 1, 3}, DType::u8);
  const Array zero = Array::full({}, 5, DType::u8);
  EXPECT_EQ(ints(conv_integer(x, w, zero, {}, {}, {1, 1})), (std::vector<int>{4, 4}));
}

}  // namespace
}  // namespace quantick
