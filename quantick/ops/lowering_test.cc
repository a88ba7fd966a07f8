// Weights as codes and scales, against values worked out by hand and against plain recomputation.
#include "quantick/ops/lowering.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/ops/lowered_product.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

Array random_weight(int64_t rows, int64_t columns, uint64_t seed) {
  const Key key = Key(seed).fold("weight");
  std::vector<float> v;
  for (int64_t i = 0; i < rows * columns; ++i)
    v.push_back(static_cast<float>(key.normal(i) * std::ldexp(1.0, static_cast<int>(i / columns % 5) - 2)));
  return Array::from(v, {rows, columns});
}

TEST(WeightForms, TensorWiseSharesTheLargestScale) {
  const Array w = Array::from(std::vector<float>{0.5f, -1.27f, 0, 0, 0.006f, 2.54f}, {3, 2});
  const auto s = static_cast<float>(2.54f / 127.0);
  const QuantizedWeight q = quantize_weight(w, WeightForm{.granularity = "tensor-wise"}, {}, 1, "test");
  EXPECT_EQ(q.scales, (std::vector<float>{s, s, s}));
  EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{25, -64, 0, 0, 0, 127}));
  const std::vector<double> bias{0, -0x1p20, 0};  // its floor holds for all rows
  const QuantizedWeight b = quantize_weight(w, WeightForm{.granularity = "tensor-wise"}, bias, 0x1p-8f, "test");
  EXPECT_EQ(b.scales, (std::vector<float>{0.25f, 0.25f, 0.25f}));
}

TEST(WeightForms, GroupsHaveAScaleEachAndTheLastMayBeShort) {
  const Array w = Array::from(std::vector<float>{1.27f, -0.5f, 2.54f, 0, 0, 0, 0, 0, 0, 12.7f}, {2, 5});
  const WeightForm form{.granularity = "group-wise", .group_size = 2};
  const std::vector<double> large_bias{1e30, 1e30};  // no floor: the bias stays float32
  const QuantizedWeight q = quantize_weight(w, form, large_bias, 1, "test");
  EXPECT_EQ(q.groups, 3);
  EXPECT_EQ(q.scales, (std::vector<float>{static_cast<float>(1.27f / 127.0), static_cast<float>(2.54f / 127.0), 1, 1, 1,
                                          static_cast<float>(12.7f / 127.0)}));
  EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{127, -50, 127, 0, 0, 0, 0, 0, 0, 127}));
  EXPECT_EQ(q.scale_array(q.scales).shape(), (Shape{2, 3}));
  EXPECT_THROW(quantize_bias(large_bias, 1, 0, q, "test"), ValueError);
}

TEST(WeightForms, PowersOfTwoLieAtOrAboveTheScale) {
  const Array w = Array::from(std::vector<float>{127, 127 * 0.25f, 128, 1e-6f}, {4, 1});
  const QuantizedWeight q = quantize_weight(w, WeightForm{.power_of_two = true}, {}, 1, "test");
  EXPECT_EQ(q.scales, (std::vector<float>{1, 0.25f, 2, 0x1p-26f}));  // 1e-6 / 127 = 0.53 * 2^-26
  EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{127, 127, 64, 67}));
}

TEST(WeightForms, EveryWidthIsWithinHalfAStepAndSurvivesTheFile) {
  for (const char* granularity : {"tensor-wise", "channel-wise", "group-wise"})
    for (const bool power_of_two : {false, true})
      for (int bits = 2; bits <= 16; ++bits) {
        const Array w = random_weight(7, 37, static_cast<uint64_t>(bits));
        const WeightForm form{.bits = bits, .granularity = granularity, .group_size = 8, .power_of_two = power_of_two};
        const QuantizedWeight q = quantize_weight(w, form, {}, 1, "test");
        EXPECT_EQ(q.values.dtype(), bits > 8 ? DType::i16 : DType::i8);
        EXPECT_EQ(q.bits, bits);
        const Array stored = pack_codes(q.values, q.bits);
        EXPECT_EQ(stored.dtype(), bits <= 4 ? DType::u8 : bits <= 8 ? DType::i8 : DType::i16);
        const Array back = unpack_codes(stored, 37);
        EXPECT_TRUE(same_bits(back, q.values)) << bits;
        const Array scales = q.scale_array(q.scales);
        const auto real = dequantize_weight(back, scales, 8).to_vector<double>(), want = w.to_vector<double>();
        const auto codes = q.values.to_vector<int>();
        for (size_t i = 0; i < want.size(); ++i) {
          const size_t row = i / 37, column = i % 37;
          const double s = q.scales[q.groups > 0 ? row * 5 + column / 8 : row];
          ASSERT_LE(std::abs(codes[i]), (1 << (bits - 1)) - 1);
          ASSERT_LE(std::abs(real[i] - want[i]), 0.5001 * s) << granularity << bits;
          if (power_of_two) {
            ASSERT_EQ(s, std::exp2(std::rint(std::log2(s))));
          }
        }
      }
}

TEST(WeightForms, GatesHaveWidthsOfTheirOwn) {
  Precision precision;
  precision.weight_dtype = "int4";
  EXPECT_TRUE(gate_weight_form(precision, 3, 2, "gru").row_bits.empty());
  precision.gate_weight_bits = {2, 8, 12};
  const WeightForm form = gate_weight_form(precision, 3, 2, "gru");
  EXPECT_EQ(form.row_bits, (std::vector<int64_t>{2, 2, 8, 8, 12, 12}));
  const QuantizedWeight q = quantize_weight(Array::ones({6, 1}), form, {}, 1, "gru");
  EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{1, 1, 127, 127, 2047, 2047}));
  EXPECT_EQ(q.values.dtype(), DType::i16);
  EXPECT_EQ(q.bits, 12);
  EXPECT_THROW(gate_weight_form(precision, 4, 2, "lstm"), ValueError);
}

TEST(WeightForms, SmallCodesLieTwoInAByte) {
  const Array codes = Array::from(std::vector<int8_t>{1, -1, 7, -7, 0, 3}, {2, 3});
  EXPECT_EQ(pack_codes(codes, 4).to_vector<int>(), (std::vector<int>{0xf1, 0x07, 0x09, 0x03}));
  EXPECT_TRUE(same_bits(unpack_codes(pack_codes(codes, 4), 3), codes));
  EXPECT_THROW(unpack_codes(pack_codes(codes, 4), 5), FormatError);
  EXPECT_THROW(unpack_codes(codes, 4), FormatError);
  EXPECT_THROW(unpack_codes(Array::ones({2, 3}), 3), FormatError);
}

PrepareCall prepared(const Precision& precision, std::vector<NamedArray> constants) {
  PrepareCall call;
  call.precision = precision;
  call.constants = std::move(constants);
  return call;
}

TEST(WeightForms, FloatWeightsAreKeptInTheTypeAskedFor) {
  const Array w = Array::from(std::vector<float>{1.0f + 3 * 0x1p-8f, -3.3f, 1e-5f, 60000}, {2, 2});
  Precision precision;
  precision.method = "float32";
  const auto kept = [&](const char* dtype) {
    precision.weight_dtype = dtype;
    const PrepareCall call = prepared(precision, lower_real_weight("w", w, precision, {}, "test"));
    EXPECT_EQ(call.constant("w").dtype(), std::string(dtype) == "float32" ? DType::f32 : DType::i16);
    EXPECT_THROW(real_weight(call, "w", 3), FormatError);
    return real_weight(call, "w", 2).to_vector<float>();
  };
  EXPECT_EQ(kept("float32"), w.to_vector<float>());
  EXPECT_EQ(kept("bf16")[0], 1.0f + 0x1p-6f);  // half a step, to even
  EXPECT_EQ(kept("bf16")[1], -3.296875f);      // 8 bits of significand
  EXPECT_EQ(kept("fp16")[0], 1.0f + 3 * 0x1p-8f);
  EXPECT_EQ(kept("fp16")[2], 168 * 0x1p-24f);  // below 2^-14: whole multiples of 2^-24
  EXPECT_EQ(kept("fp16")[3], 60000);
  precision.weight_dtype = "fp16";
  EXPECT_THROW(lower_real_weight("w", Array::full({1, 1}, 65520), precision, {}, "test"), ValueError);
  EXPECT_THROW(lower_real_weight("w", Array::full({1, 1}, NAN), precision, {}, "test"), ValueError);
}

TEST(WeightForms, WeightOnlyMultipliesCodesAndScalesInFloat32) {
  const Array w = random_weight(3, 10, 4);
  Precision precision;
  precision.method = "weight_only";
  precision.weight_dtype = "int4";
  precision.granularity = "group-wise";
  precision.group_size = 4;
  const PrepareCall call = prepared(precision, lower_real_weight("w", w, precision, weight_form(precision), "test"));
  EXPECT_EQ(call.constant("w").shape(), (Shape{3, 5}));
  const QuantizedWeight q = quantize_weight(w, weight_form(precision), {}, 1, "test");
  const auto codes = q.values.to_vector<float>(), got = real_weight(call, "w", 10).to_vector<float>();
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], codes[i] * q.scales[i / 10 * 3 + i % 10 / 4]);
}

TEST(FloatProduct, BitsOfARowDoNotDependOnTheBatch) {
  const Array w = random_weight(45, 150, 1), bias = random_weight(1, 45, 2).reshape({45}),
              x = random_weight(70, 150, 3);
  const FloatProduct product(w, bias);
  std::vector<float> y(70 * 45), one(45);
  product.run(x.data<float>(), 70, y.data());
  const auto wd = w.to_vector<double>(), xd = x.to_vector<double>(), bd = bias.to_vector<double>();
  for (size_t i = 0; i < 70; ++i) {
    product.run(x.data<float>() + i * 150, 1, one.data());
    for (size_t r = 0; r < 45; ++r) {
      EXPECT_EQ(one[r], y[i * 45 + r]);
      double want = bd[r], size = std::abs(bd[r]);
      for (size_t k = 0; k < 150; ++k)
        want += wd[r * 150 + k] * xd[i * 150 + k], size += std::abs(wd[r * 150 + k] * xd[i * 150 + k]);
      EXPECT_NEAR(one[r], want, 1e-6 * size);
    }
  }
}

TEST(LoweredProduct, RefusesFormatsThatItsMethodDoesNotHave) {
  const Array w = Array::ones({2, 3});
  const TensorFormat codes{DType::i8, 0.1f, 3}, real;
  const auto lowered = [&](const char* method, const TensorFormat& in, const TensorFormat& out) {
    ProductForm form{in, out};
    form.precision.method = method;
    return lower_product(w, {}, form, "fc");
  };
  EXPECT_THROW(lowered("static", real, real), UnsupportedError);
  EXPECT_THROW(lowered("dynamic", real, codes), UnsupportedError);
  EXPECT_THROW(lowered("weight_only", codes, real), UnsupportedError);
  EXPECT_THROW(lowered("float32", real, codes), UnsupportedError);
  EXPECT_EQ(lowered("dynamic", codes, real).size(), 3u);  // the known scale
  const std::vector<double> bias{1};
  EXPECT_THROW(lower_product(w, bias, {codes, real}, "fc"), ValueError);
}

TEST(LoweredProduct, RefusesConstantsThatDoNotFit) {
  const ProductForm form{{DType::i8, 0.1f, 3}, {}};
  const auto constants = lower_product(Array::ones({2, 3}), {}, form, "fc");
  EXPECT_NO_THROW(LoweredProduct(prepared(form.precision, constants), form, 3));
  EXPECT_THROW(LoweredProduct(prepared(form.precision, constants), form, 4), FormatError);
  ProductForm grouped = form;
  grouped.precision.granularity = "group-wise";
  EXPECT_THROW(LoweredProduct(prepared(grouped.precision, constants), grouped, 3), FormatError);
}

TEST(LoweredProduct, RefusesGroupsOfNoColumns) {
  ProductForm form{{DType::i8, 0.1f, 3}, {}};
  form.precision.granularity = "group-wise";
  const auto constants = lower_product(Array::ones({2, 3}), {}, form, "fc");
  form.precision.group_size = 0;
  EXPECT_THROW(LoweredProduct(prepared(form.precision, constants), form, 3), FormatError);
  EXPECT_THROW(lower_product(Array::ones({2, 3}), {}, form, "fc"), ValueError);
}

TEST(LoweredProduct, ANearlyEmptyRowWithALargeBiasKeepsIt) {
  const Array w = Array::from(std::vector<float>{1e-7f, 0, 0.5f, -0.5f}, {2, 2});
  const std::vector<double> bias{4, 0.25};
  const std::vector<int8_t> x{10, -20};
  for (const char* granularity : {"tensor-wise", "channel-wise", "group-wise"}) {
    ProductForm form{{DType::i8, 0.5f, 0}, {}};
    form.precision.granularity = granularity;
    const LoweredProduct product(prepared(form.precision, lower_product(w, bias, form, "fc")), form, 2);
    std::vector<float> y(2), scratch(static_cast<size_t>(product.scratch_bytes()) / sizeof(float) + 16);
    product.run(x.data(), 1, y.data(), scratch.data());
    EXPECT_NEAR(y[0], 4, 0.03) << granularity;
    EXPECT_NEAR(y[1], 7.75, 0.03) << granularity;
  }
}

}  // namespace
}  // namespace quantick
