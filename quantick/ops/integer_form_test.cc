// Every fixed-bits form, tested from its operator's row: against the float operator in steps of the output, over
// instruction sets, batch rows, and steps.
#include "quantick/ops/integer_form.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

/// Asymmetric int8 or symmetric int16 over the values' range.
TensorFormat format_of(const std::vector<double>& values, DType dtype) {
  double low = 0, high = 0;
  for (const double v : values) low = std::min(low, v), high = std::max(high, v);
  if (dtype == DType::i16) return {dtype, static_cast<float>(std::max({-low, high, 1e-3}) / 32767), 0};
  const auto scale = static_cast<float>(std::max(high - low, 1e-3) / 255);
  return {dtype, scale, static_cast<int32_t>(std::clamp(std::rint(-128 - low / scale), -128.0, 127.0))};
}

Array quantized(const Array& x, const TensorFormat& format) {
  std::vector<double> v = x.to_vector<double>();
  const double top = format.bits() == 8 ? 128 : 32768;
  for (double& q : v) q = std::clamp(std::rint(q / format.scale) + format.zero_point, -top, top - 1);
  return Array::from(v, x.shape()).astype(format.dtype);
}

Array dequantized(const Array& q, const TensorFormat& format) {
  std::vector<double> v = q.to_vector<double>();
  for (double& x : v) x = (x - format.zero_point) * static_cast<double>(format.scale);
  return Array::from(v, q.shape()).astype(DType::f32);
}

/// One sample of a row as a node of a program.
struct Case {
  const Operator* op = nullptr;
  std::shared_ptr<Attributes> attributes;
  LowerCall lower;
  PrepareCall prepare;
  Arrays codes;        ///< data inputs
  Array float_output;  ///< of the float operator on the same (dequantized) inputs
  int64_t steps = 1, batch = 1;

  Array run(Isa isa, int64_t first_row, int64_t rows, bool step_by_step) const {
    const ForcedIsa forced(isa);
    const auto node = op->integer.prepare(prepare);
    Array out = Array::zeros({steps, rows, prepare.output_type.shape.size()}, lower.output.dtype);
    std::vector<std::byte> state(static_cast<size_t>(node->state_bytes() * rows));
    const int64_t at_once = step_by_step ? 1 : steps;
    std::vector<std::byte> scratch(static_cast<size_t>(node->scratch_bytes(at_once, rows)) + 64);
    Arrays inputs;
    for (const Array& c : codes)
      inputs.push_back(c.reshape({steps, batch, -1}).slice(1, first_row, first_row + rows).copy());
    for (int64_t t = 0; t < steps; t += at_once) {
      std::vector<const void*> pointers;
      for (const Array& x : inputs) pointers.push_back(x.raw() + t * x.size() / steps * dtype_size(x.dtype()));
      node->run({.steps = at_once,
                 .batch = rows,
                 .inputs = pointers,
                 .output = out.mutable_raw() + t * out.size() / steps * dtype_size(out.dtype()),
                 .state = state.data(),
                 .scratch = scratch.data()});
    }
    return out;
  }
};

Array random_floats(const Shape& shape, double low, double high, Key key) {
  std::vector<float> v(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(low + (high - low) * key.uniform(i));
  return Array::from(v, shape);
}

Shape channels_of(const Shape& shape, int lead) {
  return Shape(std::span<const int64_t>(shape.begin() + lead, shape.end()));
}

/// The samples that a program can hold: inputs and outputs that keep steps and batch apart, no initial states.
std::vector<Case> cases(const Operator& op, DType dtype) {
  std::vector<Case> out;
  const bool recurrent = op.integer.kind == IntegerForm::Kind::recurrent;
  const int lead = recurrent ? 2 : 1;
  const auto data = static_cast<size_t>(op.integer.data_inputs);
  for (const OperatorSample& sample : op.samples()) {
    const Shape& x = sample.inputs[0].shape;
    const Shape y = op.infer(sample.attributes, sample.inputs)[0].shape;
    if (x.ndim() < lead + 1 || x.size() == 0 || y.ndim() != x.ndim() || sample.inputs.size() > 5) continue;
    if (data == 2 && !(sample.inputs[1].shape == x)) continue;
    Case c;
    c.op = &op;
    c.steps = recurrent ? x[0] : 1;
    c.batch = recurrent ? x[1] : x[0];
    c.attributes = std::make_shared<Attributes>(sample.attributes);
    c.lower.attributes = c.prepare.attributes = c.attributes.get();
    Arrays floats;
    for (size_t i = 0; i < sample.inputs.size(); ++i) {
      const Array v = random_floats(sample.inputs[i].shape, sample.low, sample.high, Key(out.size()).fold(i));
      if (i >= data) {
        floats.push_back(v);
        c.lower.parameters.push_back(v);
        continue;
      }
      const TensorFormat format = format_of(v.to_vector<double>(), dtype);
      c.codes.push_back(quantized(v, format));
      floats.push_back(dequantized(c.codes.back(), format));
      c.lower.inputs.push_back(format);
      c.prepare.input_types.push_back({dtype, channels_of(sample.inputs[i].shape, lead)});
    }
    c.float_output = invoke(op, sample.attributes, floats).front();
    using Output = IntegerForm::OutputFormat;
    c.lower.output = op.integer.output == Output::same   ? c.lower.inputs[0]
                     : op.integer.output == Output::q15  ? kQ15
                     : op.integer.output == Output::unit ? op.integer.fixed_format
                                                         : format_of(c.float_output.to_vector<double>(), dtype);
    c.prepare.inputs = c.lower.inputs;
    c.prepare.output = c.lower.output;
    c.prepare.output_type = {c.lower.output.dtype, channels_of(y, lead)};
    if (op.integer.lower) c.prepare.constants = op.integer.lower(c.lower);
    out.push_back(c);
  }
  return out;
}

class IntegerForms : public testing::TestWithParam<const Operator*> {};

TEST_P(IntegerForms, StaysNearTheFloatOperator) {
  const Operator& op = *GetParam();
  const std::vector<Case> all = cases(op, DType::i8);
  ASSERT_FALSE(all.empty());
  double largest = 0;
  for (const Case& c : all) {
    const auto got = dequantized(c.run(active_isa(), 0, c.batch, false), c.lower.output).to_vector<double>();
    const auto want = c.float_output.to_vector<double>();
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const double top = c.lower.output.bits() == 8 ? 128 : 32768, scale = c.lower.output.scale;
      const double low = (-top - c.lower.output.zero_point) * scale,
                   high = (top - 1 - c.lower.output.zero_point) * scale;
      const double error = std::abs(got[i] - std::clamp(want[i], low, high)) / scale;
      largest = std::max(largest, error);
      ASSERT_LE(error, op.integer.error_steps) << "element " << i << ": " << got[i] << " against " << want[i];
    }
  }
  RecordProperty("largest_error_in_steps", std::to_string(largest));
}

TEST_P(IntegerForms, InstructionSetsRowsAndStepsGiveTheSameBits) {
  for (const DType dtype : {DType::i8, DType::i16})
    for (const Case& c : cases(*GetParam(), dtype)) {
      const Array oracle = c.run(Isa::scalar, 0, c.batch, false);
      for (const Isa isa : supported_isas()) {
        EXPECT_TRUE(same_bits(c.run(isa, 0, c.batch, false), oracle)) << isa_name(isa);
        EXPECT_TRUE(same_bits(c.run(isa, 0, c.batch, true), oracle)) << isa_name(isa) << ", step by step";
        for (int64_t row = 0; row < std::min<int64_t>(c.batch, 3); ++row)
          EXPECT_TRUE(same_bits(c.run(isa, row, 1, false), oracle.slice(1, row, row + 1)))
              << isa_name(isa) << ", row " << row << " alone";
      }
    }
}

std::vector<const Operator*> forms() {
  std::vector<const Operator*> out;
  for (const Operator& op : operators())
    if (op.integer.prepare) out.push_back(&op);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Ops, IntegerForms, testing::ValuesIn(forms()),
                         [](const auto& info) { return info.param->name; });

// --- lowering, against values worked out by hand ---

TEST(Lowering, WeightScaleIsTheLargestOverTheLimit) {
  const Array w = Array::from(std::vector<float>{0.5f, -1.27f, 0, 0, 0.006f, 2.54f}, {3, 2});
  const QuantizedWeight q = quantize_weight(w, 8, {}, 1.0f, "test");
  EXPECT_EQ(q.scales, (std::vector<float>{static_cast<float>(1.27f / 127.0), 1.0f, static_cast<float>(2.54f / 127.0)}));
  EXPECT_EQ(q.values.to_vector<int>(), (std::vector<int>{50, -127, 0, 0, 0, 127}));
}

TEST(Lowering, TwoBitWeightsHaveThreeCodes) {
  const Array w = Array::from(std::vector<float>{-1, -0.6f, 0.4f, 1}, {1, 4});
  EXPECT_EQ(quantize_weight(w, 2, {}, 1.0f, "test").values.to_vector<int>(), (std::vector<int>{-1, -1, 0, 1}));
}

TEST(Lowering, HalfStepsGoToEvenCodes) {
  const Array w = Array::from(std::vector<float>{127, 0.5f, 1.5f, -2.5f}, {1, 4});
  EXPECT_EQ(quantize_weight(w, 8, {}, 1.0f, "test").values.to_vector<int>(), (std::vector<int>{127, 0, 2, -2}));
}

TEST(Lowering, LargeBiasWidensTheScaleUntilItFits) {
  const Array w = Array::from(std::vector<float>{1e-7f}, {1, 1});
  const std::vector<double> bias = {4.0};
  const QuantizedWeight q = quantize_weight(w, 8, bias, 0.5f, "test");
  EXPECT_EQ(q.scales[0], 0x1p-27f);  // 4 * 2^-30 / 0.5
  EXPECT_EQ(quantize_bias(bias, 0.5f, 0, q, "test"), (std::vector<int64_t>{int64_t{1} << 30}));
}

TEST(Lowering, BiasTakesTheZeroPointIn) {
  const Array w = Array::from(std::vector<float>{127, -2, 5}, {1, 3});
  const std::vector<double> bias = {2.5};
  const QuantizedWeight q = quantize_weight(w, 8, bias, 1.0f, "test");
  EXPECT_EQ(quantize_bias(bias, 1.0f, -3, q, "test"), (std::vector<int64_t>{2 + 3 * 130}));
}

TEST(Lowering, ScalesAreDividedInFloat32InOrder) {
  const float x = 0.1f, w = 0.3f, y = 0.7f;
  volatile float product = x * w;
  EXPECT_EQ(row_scales(x, std::vector<float>{w}, y, kLargestScale, "test")[0], product / y);
}

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Lowering, RefusesWhatTheContractRefuses) {
  const Array w = Array::ones({1, 1});
  EXPECT_NE(refusal([&] { quantize_weight(w, 17, {}, 1, "fc"); }).find("[fc] weight bits, was 17"), std::string::npos);
  EXPECT_NE(refusal([&] {
              quantize_weight(Array::full({1, 1}, NAN), 8, {}, 1, "fc");
            }).find("[fc] weight [0, 0], was nan"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              row_scales(0x1p-60f, std::vector<float>{0x1p-60f}, 1, kLargestScale, "fc");
            }).find("[fc] scale, was"),
            std::string::npos);
  EXPECT_NE(refusal([&] {
              row_scales(0x1p60f, std::vector<float>{0x1p60f}, 1, kLargestScale, "fc");
            }).find("[fc] scale, was"),
            std::string::npos);
}

TEST(Lowering, RefusesFloatInputsAndInitialStates) {
  LowerCall call;
  call.layer = "head";
  call.inputs = {TensorFormat{}};
  call.parameters = {Array::ones({2, 3})};
  EXPECT_NE(refusal([&] { find_operator("dense").integer.lower(call); }).find("[dense \"head\"] input, was float32"),
            std::string::npos);
  call.inputs = {{DType::i8, 0.1f, 0}};
  call.parameters = {Array::ones({4, 3}), Array::ones({4, 1}), Array(), Array(), Array::ones({1, 1})};
  EXPECT_NE(refusal([&] { find_operator("lstm").integer.lower(call); }).find("h0 and c0"), std::string::npos);
}

TEST(PrepareCall, NamesTheMissingConstant) {
  PrepareCall call;
  EXPECT_NE(refusal([&] { call.constant("weight"); }).find("constant weight is missing"), std::string::npos);
}

}  // namespace
}  // namespace quantick
