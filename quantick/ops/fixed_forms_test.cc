// Fixed-bits forms of elementwise, shape, reduction and embedding operators against docs/numerics.md written out by
// hand: formulas and refusals that a comparison with the float operator within a step cannot see.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

/// A node with one row of channels per step and batch row.
struct Node {
  const Operator& op;
  Attributes attributes;
  LowerCall lower;
  PrepareCall prepare;
  NodeCounters counters;

  Node(std::string_view name, std::vector<TensorFormat> formats, const std::vector<Shape>& channels,
       const TensorFormat& output, const Shape& output_channels, int lead_axes = 1, Attributes attrs = {})
      : op(find_operator(name)), attributes(std::move(attrs)) {
    for (size_t i = 0; i < formats.size(); ++i) prepare.input_types.push_back({formats[i].dtype, channels[i]});
    lower.input_types = prepare.input_types;
    lower.inputs = prepare.inputs = std::move(formats);
    lower.output = prepare.output = output;
    lower.lead_axes = prepare.lead_axes = lead_axes;
    prepare.output_type = {output.dtype, output_channels};
  }

  Array run(const Arrays& inputs, int64_t batch = 1) {
    lower.attributes = prepare.attributes = &attributes;
    prepare.precision = lower.precision;
    prepare.constants.clear();
    if (op.integer.lower) prepare.constants = op.integer.lower(lower);
    const auto node = op.integer.prepare(prepare);
    Shape shape = prepare.output_type.shape;
    shape.insert(0, batch);
    Array y = Array::zeros(shape, prepare.output.dtype);
    std::vector<const void*> pointers;
    for (const Array& x : inputs) pointers.push_back(x.raw());
    std::vector<std::byte> scratch(static_cast<size_t>(node->scratch_bytes(1, batch)) + 1);
    node->run_counted(
        {.steps = 1, .batch = batch, .inputs = pointers, .output = y.mutable_raw(), .scratch = scratch.data()},
        counters);
    return y;
  }

  std::string refusal() {
    try {
      run({});
    } catch (const UnsupportedError& error) {
      return error.what();
    }
    return "accepted";
  }
};

template <class T>
Array codes(int64_t n, uint64_t seed) {
  std::vector<T> out;
  const double top = std::ldexp(1.0, 8 * static_cast<int>(sizeof(T)) - 1);
  for (int64_t i = 0; i < n; ++i)
    out.push_back(static_cast<T>(std::floor((Key(seed).uniform(static_cast<uint64_t>(i)) * 2 - 1) * top)));
  return Array::from(out);
}

double saturated(float v, const TensorFormat& f) {
  const double top = std::ldexp(1.0, f.bits() - 1);
  return std::clamp(std::nearbyint(static_cast<double>(v)) + f.zero_point, -top, top - 1);
}

constexpr TensorFormat kReal{};

TEST(FixedForms, IdentityDividesAndRounds) {
  const TensorFormat x{DType::i16, 0.013f, 0}, y{DType::i8, 0.7f, -11};
  const Array q = codes<int16_t>(3000, 1);
  const Array got = Node("identity", {x}, {{1000}}, y, {1000}).run({q}, 3);
  const auto in = q.to_vector<int>(), out = got.to_vector<int>();
  for (size_t i = 0; i < in.size(); ++i) {
    const float v = static_cast<float>(in[i]) * x.scale;
    ASSERT_EQ(out[i], saturated(v / y.scale, y)) << i;
  }
}

TEST(FixedForms, IdentityCopiesCodesOfOneFormat) {
  const TensorFormat format{DType::i8, 0.3f, 5};
  const Array q = codes<int8_t>(64, 2);
  EXPECT_EQ(Node("identity", {format}, {{64}}, format, {64}).run({q}).to_vector<int>(), q.to_vector<int>());
}

TEST(FixedForms, ProductOfIntegersIsExactAndRoundsOnce) {
  const TensorFormat a{DType::i16, 0.001f, 0}, b{DType::i16, 0.0007f, 0}, y{DType::i16, 0.021f, 0};
  const Array qa = codes<int16_t>(5000, 3), qb = codes<int16_t>(5000, 4);
  const auto u = qa.to_vector<int64_t>(), v = qb.to_vector<int64_t>();
  const auto got = Node("multiply", {a, b}, {{5000}, {5000}}, y, {5000}).run({qa, qb}).to_vector<int>();
  const float scale = (a.scale * b.scale) / y.scale;
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], saturated(static_cast<float>(u[i] * v[i]) * scale, y)) << i;
}

TEST(FixedForms, ProductTakesZeroPointsOff) {
  const TensorFormat a{DType::i8, 0.5f, -3}, b{DType::i8, 0.25f, 7}, y{DType::i8, 1.0f, 10};
  const Array qa = Array::from(std::vector<int8_t>{-3, 5, 127, -128}),
              qb = Array::from(std::vector<int8_t>{9, 8, 7, 127});
  // (0 * 2, 8 * 1, 130 * 0, -125 * 120) / 8, and 10 on top.
  EXPECT_EQ(Node("multiply", {a, b}, {{4}, {4}}, y, {4}).run({qa, qb}).to_vector<int>(),
            (std::vector<int>{10, 11, 10, -128}));
}

TEST(FixedForms, DifferenceIsTheSumWithTheSecondScaleNegative) {
  const TensorFormat a{DType::i8, 0.11f, 4}, b{DType::i8, 0.07f, -9}, y{DType::i8, 0.13f, 2};
  const Array qa = codes<int8_t>(4000, 5), qb = codes<int8_t>(4000, 6);
  const auto u = qa.to_vector<int>(), v = qb.to_vector<int>();
  const auto got = Node("subtract", {a, b}, {{4000}, {4000}}, y, {4000}).run({qa, qb}).to_vector<int>();
  for (size_t i = 0; i < got.size(); ++i) {
    const float first = static_cast<float>(u[i] - 4) * (a.scale / y.scale);
    const float second = static_cast<float>(v[i] + 9) * (b.scale / y.scale);
    ASSERT_EQ(got[i], saturated(first - second, y)) << i;
  }
}

TEST(FixedForms, ConstantOperandsKeepTheirPlace) {
  const TensorFormat x{DType::i8, 0.5f, 0};
  const Array q = Array::from(std::vector<int8_t>{2, 4, -6, 8});
  Node scalar_first("subtract", {x}, {{2}}, kReal, {2});
  scalar_first.lower.parameters = {Array(10.0), Array()};
  EXPECT_EQ(scalar_first.run({q}, 2).to_vector<float>(), (std::vector<float>{9, 8, 13, 6}));
  Node row_second("divide", {x}, {{2}}, kReal, {2});
  row_second.lower.parameters = {Array(), Array::from(std::vector<float>{2, 4}, {1, 2})};
  EXPECT_EQ(row_second.run({q}, 2).to_vector<float>(), (std::vector<float>{0.5f, 0.5f, -1.5f, 1}));
}

TEST(FixedForms, ConstantThatVariesOverTheBatchIsRefused) {
  Node node("add", {{DType::i8, 0.5f, 0}}, {{2}}, kReal, {2});
  node.lower.parameters = {Array(), Array::ones({3, 2})};
  EXPECT_NE(node.refusal().find("[add] constant operand, was (3, 2), expected one value for all"), std::string::npos)
      << node.refusal();
}

TEST(FixedForms, OperandsBroadcastOverChannels) {
  const TensorFormat x{DType::i8, 1.0f, 0};
  Node node("multiply", {x, kReal}, {{2, 3}, {2, 1}}, kReal, {2, 3});
  const Array q = Array::from(std::vector<int8_t>{1, 2, 3, 4, 5, 6}), w = Array::from(std::vector<float>{10, 100});
  EXPECT_EQ(node.run({q, w}).to_vector<float>(), (std::vector<float>{10, 20, 30, 400, 500, 600}));
}

TEST(FixedForms, EmbeddingIsTheContractsFormula) {
  const TensorFormat y{DType::i8, 0.02f, 3};
  Array weight = Array::zeros({5, 4});
  for (int64_t i = 0; i < 20; ++i)
    weight.mutable_data<float>()[i] = static_cast<float>(std::sin(static_cast<double>(i)));
  Node node("embedding", {kReal}, {{2}}, y, {2, 4});
  node.lower.parameters = {weight};
  const std::vector<float> ids = {4, 0, 2, 2, 1, 3};
  const auto got = node.run({Array::from(ids)}, 3).to_vector<int>();
  for (size_t i = 0; i < ids.size(); ++i) {
    const float* row = weight.data<float>() + static_cast<int64_t>(ids[i]) * 4;
    float top = 0;
    for (int k = 0; k < 4; ++k) top = std::max(top, std::abs(row[k]));
    const auto s_w = static_cast<float>(static_cast<double>(top) / 127);
    for (int k = 0; k < 4; ++k) {
      const float code = std::nearbyint(row[k] / s_w);
      EXPECT_EQ(got[i * 4 + static_cast<size_t>(k)], saturated(code * (s_w / y.scale), y)) << i << ", " << k;
    }
  }
  EXPECT_EQ(node.counters.saturations, 0);
}

TEST(FixedForms, EmbeddingTakesTheNearestRowAndCountsIt) {
  Node node("embedding", {kReal}, {{}}, kReal, {1});
  node.lower.precision.method = "float32";
  node.lower.precision.weight_dtype = "float32";
  node.lower.parameters = {Array::from(std::vector<float>{10, 20, 30}, {3, 1})};
  const Array ids = Array::from(std::vector<float>{1, -4, 7, 1.75f, 0.5f, 1.5f, NAN, INFINITY, 2});
  EXPECT_EQ(node.run({ids}, 9).to_vector<float>(), (std::vector<float>{20, 10, 30, 30, 10, 30, 10, 30, 30}));
  EXPECT_EQ(node.counters.saturations, 7);
}

TEST(FixedForms, MatrixProductIsExactBeforeItsOneRounding) {
  constexpr int64_t k = 300;
  const TensorFormat a{DType::i16, 1e-3f, 0}, b{DType::i16, 2e-3f, 0};
  const Array qa = codes<int16_t>(2 * k, 7), qb = codes<int16_t>(k * 3, 8);
  const auto u = qa.to_vector<int64_t>(), v = qb.to_vector<int64_t>();
  const auto got = Node("matmul", {a, b}, {{2, k}, {k, 3}}, kReal, {2, 3}).run({qa, qb}).to_vector<float>();
  for (size_t i = 0; i < 2; ++i)
    for (size_t j = 0; j < 3; ++j) {
      int64_t sum = 0;
      for (size_t l = 0; l < k; ++l) sum += u[i * k + l] * v[l * 3 + j];
      EXPECT_EQ(got[i * 3 + j], static_cast<float>(sum) * (a.scale * b.scale));
    }
}

TEST(FixedForms, MeanSumsInSixteenLanes) {
  std::vector<float> x(37);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(Key(9).uniform(i));
  float lanes[16] = {};
  for (size_t i = 0; i < x.size(); ++i) lanes[i % 16] += x[i];
  for (int half = 8; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  const Attributes last = {{"axes", std::vector<int64_t>{-1}}, {"keepdims", false}};
  EXPECT_EQ(Node("mean", {kReal}, {{37}}, kReal, {}, 1, last).run({Array::from(x)}).to_vector<float>(),
            (std::vector<float>{lanes[0] / 37.0f}));
}

TEST(FixedForms, ShapeAttributesCountFromTheFullTensor) {
  const TensorFormat x{DType::i8, 1.0f, 0};
  const Array q = Array::from(std::vector<int8_t>{1, 2, 3, 4, 5, 6});
  const std::vector<int> swapped = {1, 4, 2, 5, 3, 6};
  const Attributes frame = {{"axes", std::vector<int64_t>{0, 2, 1}}},
                   sequence = {{"axes", std::vector<int64_t>{0, 1, 3, 2}}};
  EXPECT_EQ(Node("transpose", {x}, {{2, 3}}, x, {3, 2}, 1, frame).run({q}).to_vector<int>(), swapped);
  EXPECT_EQ(Node("transpose", {x}, {{2, 3}}, x, {3, 2}, 2, sequence).run({q}).to_vector<int>(), swapped);
  // Traced with 7 rows, or with 5 steps of 7 rows.
  const Attributes extents = {{"shape", std::vector<int64_t>{7, 3, 2}}},
                   steps = {{"shape", std::vector<int64_t>{5, 7, -1}}};
  EXPECT_EQ(Node("reshape", {x}, {{2, 3}}, x, {3, 2}, 1, extents).run({q}).to_vector<int>(), q.to_vector<int>());
  EXPECT_EQ(Node("reshape", {x}, {{2, 3}}, x, {6}, 2, steps).run({q}).to_vector<int>(), q.to_vector<int>());
}

TEST(FixedForms, WhatReachesStepsOrBatchIsRefused) {
  const TensorFormat x{DType::i8, 1.0f, 0};
  const Attributes swap = {{"axes", std::vector<int64_t>{1, 0, 2}}}, first = {{"axes", std::vector<int64_t>{1}}};
  EXPECT_NE(Node("transpose", {x}, {{4}}, x, {4}, 2, swap).refusal().find("[transpose] output, was (3, 2, 4)"),
            std::string::npos);
  EXPECT_NE(Node("flatten", {x}, {{4}}, x, {4}, 2).refusal().find("[flatten] output"), std::string::npos);
  EXPECT_NE(Node("mean", {x}, {{4}}, x, {4}, 2, first).refusal().find("[mean] axis 1 of a tensor with 2 leading axes"),
            std::string::npos);
  // The same extents, other places: only the moved elements tell.
  const Attributes mixing = {{"axis", int64_t{0}}, {"start", int64_t{0}}, {"stop", int64_t{1}}, {"step", int64_t{1}}};
  EXPECT_NE(Node("slice", {x}, {{4}}, x, {4}, 1, mixing).refusal().find("[slice] output, was (1, 4)"),
            std::string::npos);
}

TEST(FixedForms, ConcatConvertsWhatHasAnotherFormat) {
  const TensorFormat a{DType::i8, 0.5f, 0}, y{DType::i16, 0.25f, 0};
  const Attributes last = {{"axis", int64_t{-1}}};
  Node node("concat", {a, kReal, y}, {{2}, {1}, {2}}, y, {5}, 1, last);
  node.lower.parameters = {Array(), Array(), Array()};
  const Array qa = Array::from(std::vector<int8_t>{1, 2, 3, 4}), b = Array::from(std::vector<float>{7, -7}),
              c = Array::from(std::vector<int16_t>{10, 20, 30, 40});
  EXPECT_EQ(node.run({qa, b, c}, 2).to_vector<int>(), (std::vector<int>{2, 4, 28, 10, 20, 6, 8, -28, 30, 40}));
  node.lower.parameters = {Array(), Array::ones({1}), Array()};
  EXPECT_NE(node.refusal().find("[concat] input, was a constant"), std::string::npos);
}

}  // namespace
}  // namespace quantick
