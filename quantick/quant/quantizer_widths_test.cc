// Widths, methods and granularities that a configuration asks for, tensor by tensor.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/session.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

const Array& data() {
  static const Array x = normal_array(Shape{20, 40, 7}, 1, Key(1));
  return x;
}

nn::Sequential small_net() {
  nn::Sequential net(nn::LSTM(24, {.num_layers = 2}), nn::SequenceLast(), nn::Dense(16, {.activation = "relu"}),
                     nn::Dense(2));
  net.initialize(nn::xavier(), 3);
  return net;
}

struct Outcome {
  QuantizedNet net;
  double sqnr;
};

Outcome quantized(nn::Sequential& net, const QuantizationConfig& config) {
  QuantizedNet q = quantize_net(net, config, data());
  const double sqnr = sqnr_db(net(data()), q.predict(data()), true);
  return {std::move(q), sqnr};
}

const runtime::ProgramNode& node_of(const QuantizedNet& net, std::string_view op, size_t nth = 0) {
  for (const runtime::ProgramNode& node : net.program.nodes)
    if (node.op == op && nth-- == 0) return node;
  throw IndexError("no such node");
}

TEST(QuantizerWidths, EachTensorHasItsOwn) {
  nn::Sequential net = small_net();
  QuantizationConfig config;
  config.tensors = {{"*.weight", "int6"},  {"0.weight.f", "int8"}, {"0.gate.o", "int12"},
                    {"0.2.cell", "int16"}, {"0.2.hidden", "int8"}, {"2.output", "int5"},
                    {"input", "int10"},    {"3.weight", "int16"},  {"3.output", "float32"}};
  const Outcome out = quantized(net, config);
  const runtime::Program& program = out.net.program;
  EXPECT_EQ(program.input().format.name(), "int10");
  EXPECT_EQ(node_of(out.net, "lstm").precision.gate_weight_bits, (std::vector<int64_t>{6, 8, 6, 6}));
  EXPECT_EQ(node_of(out.net, "lstm").precision.gate_bits, (std::vector<int64_t>{24, 24, 24, 12}));
  EXPECT_EQ(node_of(out.net, "lstm", 1).precision.state_bits, 16);
  EXPECT_EQ(node_of(out.net, "lstm", 1).precision.hidden_bits, 8);
  const runtime::ProgramNode& dense = node_of(out.net, "dense");
  EXPECT_EQ(program.values[dense.output].format.name(), "int5");
  EXPECT_EQ(node_of(out.net, "dense", 1).precision.weight_dtype, "int16");
  const Array codes = runtime::Session(program).run_all_codes(data())[dense.output];
  for (const int32_t q : codes.astype(DType::i32).to_vector<int32_t>()) ASSERT_TRUE(q >= -16 && q <= 15) << q;
  EXPECT_GT(out.sqnr, 8) << out.net.report.text();
}

TEST(QuantizerWidths, MoreBitsAreBetter) {
  nn::Sequential net = small_net();
  double before = -100;
  for (const char* dtype : {"int3", "int4", "int6", "int8", "int10"}) {
    QuantizationConfig config;
    config.quantized_dtype = "int16";
    config.tensors = {{"*.weight", dtype}};
    const Outcome out = quantized(net, config);
    EXPECT_GT(out.sqnr, before + 3) << dtype;
    before = out.sqnr;
  }
  QuantizationConfig wide;  // now the 16-bit activations are what is left
  wide.quantized_dtype = "int16";
  wide.weight_bits = 16;
  EXPECT_GT(quantized(net, wide).sqnr, before + 3);
}

TEST(QuantizerWidths, NarrowFloatsStandBetweenEightBitsAndFloat32) {
  nn::Sequential net = small_net();
  double last = 0;
  for (const char* dtype : {"bf16", "fp16", "float32"}) {
    QuantizationConfig config;
    config.tensors = {{"*.weight", dtype}, {"input", dtype}, {"2.output", dtype}};
    const Outcome out = quantized(net, config);
    EXPECT_GT(out.sqnr, last) << dtype << out.net.report.text();
    EXPECT_EQ(out.net.program.input().format.name(), dtype);
    last = out.sqnr;
    EXPECT_FALSE(out.net.report.float_nodes.empty());
  }
  EXPECT_GT(last, 90);
}

TEST(QuantizerWidths, ANarrowCellWarnsWithWhatItCostsAndWhatIsRecommended) {
  nn::Sequential net = small_net();
  QuantizationConfig config;
  config.tensors = {{"*.gate.*", "int16"}, {"*.cell", "int8"}};
  const Outcome out = quantized(net, config);
  const auto& warnings = out.net.report.warnings;
  EXPECT_TRUE(std::any_of(warnings.begin(), warnings.end(), [](const std::string& w) {
    return w.find("with float32 gates and states, which is the default and the recommended split") != std::string::npos;
  })) << out.net.report.text();
  EXPECT_LT(out.sqnr, quantized(net, {}).sqnr - 3);
}

TEST(QuantizerWidths, ANarrowCellHasThePowerOfTwoAboveItsLargestValueAsRange) {
  nn::Sequential net(nn::LSTM(8), nn::SequenceLast(), nn::Dense(2));
  net.initialize(nn::xavier(), 3);
  net(data());
  std::vector<Array> p;  // weights of x and h, biases of x and h
  for (auto& [name, parameter] : net.collect_params()) p.push_back(parameter.data());
  std::fill_n(p[2].mutable_data<float>() + 8, 8, 4.0f);  // open forget gates, so that cells grow past 1
  double largest = 0;
  for (int64_t steps = 1; steps <= data().shape()[0]; ++steps) {
    const Array x = data().slice(0, 0, steps).contiguous(), c = lstm(x, p[0], p[1], p[2], p[3])[2];
    largest = std::max(largest, max(abs(c)).item());
  }
  ASSERT_GT(largest, 1.5);
  QuantizationConfig config;
  config.tensors = {{"*.cell", "int16"}};
  const double top = node_of(quantize_net(net, config, data()), "lstm").precision.state_top;
  EXPECT_EQ(top, std::exp2(std::floor(std::log2(largest)) + 1));
}

TEST(QuantizerWidths, ACellThatCannotHoldItsMemoryIsNamedAsCollapsed) {
  // Slow memory: updates of the cell are smaller than half a step of 8 bits over its range.
  nn::Sequential net(nn::LSTM(16), nn::SequenceLast(), nn::Dense(2));
  net.initialize(nn::xavier(), 3);
  Array x = normal_array(Shape{400, 6, 7}, 1, Key(4));
  for (float *v = x.mutable_data<float>(), *end = v + x.size(); v != end; ++v) *v = std::abs(*v);
  net(x);
  for (auto& [name, parameter] : net.collect_params()) {
    Array values = parameter.data();
    float* v = values.mutable_data<float>();
    if (name.ends_with("i2h_bias"))
      for (int k = 0; k < 16; ++k) v[k] = -5, v[16 + k] = 6;
    else if (name.ends_with("i2h_weight"))
      for (int k = 0; k < 2 * 16 * 7; ++k) v[k] *= 0.1f;
  }
  QuantizationConfig config;
  config.tensors = {{"*.cell", "int8"}};
  const std::string narrow = quantize_net(net, config, x).report.text(), wide = quantize_net(net, {}, x).report.text();
  EXPECT_NE(narrow.find("0: collapsed"), std::string::npos) << narrow;
  EXPECT_NE(narrow.find("keep its gates and state in float32"), std::string::npos) << narrow;
  EXPECT_EQ(wide.find("collapsed"), std::string::npos) << wide;
}

TEST(QuantizerWidths, ScalesPerChannelBeatOneScaleByThreeDecibelsWhereRowsDiffer) {
  nn::Sequential net(nn::Dense(16), nn::Dense(2));
  net.initialize(nn::xavier(), 3);
  const Array x = normal_array(Shape{400, 20}, 1, Key(2));
  net(x);
  // Row norms fall by a factor of 32; the second layer's columns grow by it, so that all rows count alike.
  Array first = net.collect_params()[0].second.data(), second = net.collect_params()[2].second.data();
  for (int row = 0; row < 16; ++row) {
    const float factor = std::exp2(-static_cast<float>(row) / 3);
    for (int k = 0; k < 20; ++k) first.mutable_data<float>()[row * 20 + k] *= factor;
    for (int k = 0; k < 2; ++k) second.mutable_data<float>()[k * 16 + row] /= factor;
  }
  const auto sqnr = [&](const char* granularity) {
    QuantizationConfig config;
    config.quantize_granularity = granularity;
    config.group_size = 5;
    config.quantized_dtype = "int16";
    config.tensors = {{"1.weight", "int16"}};
    return quantize_net(net, config, x).report.tensors.back().sqnr_db;
  };
  EXPECT_GE(sqnr("channel-wise"), sqnr("tensor-wise") + 3);
  EXPECT_GT(sqnr("group-wise"), sqnr("channel-wise"));
}

TEST(QuantizerWidths, MethodsCanBeMixedLayerByLayer) {
  nn::Sequential net = small_net();
  for (const char* method : {"dynamic", "dynamic_decay", "weight_only", "float32"}) {
    QuantizationConfig config;
    config.layers = {{.match = "2", .method = method}};
    const Outcome out = quantized(net, config);
    EXPECT_GT(out.sqnr, 25) << method << out.net.report.text();
    EXPECT_EQ(node_of(out.net, "dense").precision.method, method);
    EXPECT_EQ(node_of(out.net, "dense", 1).precision.method, "static");
    EXPECT_EQ(node_of(out.net, "lstm").precision.method, "static");
  }
  QuantizationConfig all;
  all.method = "weight_only";
  all.weight_bits = 4;
  const Outcome out = quantized(net, all);
  EXPECT_EQ(out.net.program.input().format.dtype, DType::f32);
  EXPECT_LT(out.net.report.program_bytes, out.net.report.float_bytes / 5);
  EXPECT_GT(out.sqnr, 10);
}

TEST(QuantizerWidths, ScalesMayBePowersOfTwo) {
  nn::Sequential net = small_net();
  QuantizationConfig config;
  config.power_of_two = true;
  const Outcome out = quantized(net, config);
  int exponent = 0;
  for (const runtime::ProgramValue& value : out.net.program.values)
    EXPECT_EQ(std::frexp(value.format.scale, &exponent), 0.5f) << value.name;
  for (const char* constant : {"sx", "sh"})
    for (const NamedArray& c : node_of(out.net, "lstm").constants)
      if (c.name == constant) {
        for (const float scale : c.value.to_vector<float>()) ASSERT_EQ(std::frexp(scale, &exponent), 0.5f);
      }
  EXPECT_GT(out.sqnr, 25);
}

TEST(QuantizerWidths, RangesCanBeGivenByHand) {
  nn::Sequential net = small_net();
  QuantizationConfig config;
  config.calib_mode = "custom";
  config.ranges = {{"input", -2, 2}};
  const QuantizedNet by_hand = quantized(net, config).net;
  EXPECT_EQ(by_hand.program.input().format.scale, static_cast<float>(4.0 / 255));
  EXPECT_EQ(by_hand.report.tensors[0].low, -2) << "the report has the range that was chosen";
  EXPECT_EQ(by_hand.report.tensors[0].high, 2);
  EXPECT_LT(by_hand.report.tensors[0].histogram_low, -2);
  config.activation_scheme = "symmetric";
  EXPECT_EQ(quantized(net, config).net.program.input().format.zero_point, 0);
  config.ranges.push_back({"no_such.output", -1, 1});
  EXPECT_THROW(quantized(net, config), ValueError);
}

TEST(QuantizerWidths, TheReportHasTheRangeOfTheBitsInUse) {
  nn::Sequential net = small_net();
  QuantizationConfig config;
  config.calib_mode = "mse";
  config.tensors = {{"input", "int3"}};
  const QuantizedNet narrow = quantized(net, config).net;
  const TensorReport& input = narrow.report.tensors[0];
  EXPECT_NEAR(input.high - input.low, 7 * input.scale, 1e-6) << "not that of 8 bits";
}

TEST(QuantizerWidths, DataOfZerosAloneIsWarnedOf) {
  nn::Sequential net = small_net();
  const auto warned = [&](const Array& x) {
    const auto& warnings = quantize_net(net, {}, x).report.warnings;
    return std::any_of(warnings.begin(), warnings.end(),
                       [](const std::string& w) { return w.find("input: calibration saw nothing but 0") == 0; });
  };
  EXPECT_TRUE(warned(Array::zeros({20, 4, 7})));
  EXPECT_FALSE(warned(data()));
}

TEST(QuantizerWidths, HeldOutDataThatDoesNotFitIsNamed) {
  nn::Sequential net = small_net();
  const auto refused = [&](const Array& held_out, std::string_view piece) {
    try {
      quantize_net(net, {}, data(), held_out);
      ADD_FAILURE() << "accepted; expected " << piece;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(piece), std::string::npos) << error.what();
    }
  };
  refused(Array::zeros({20, 0, 7}), "held_out, was (20, 0, 7), expected at least one row");
  refused(Array::zeros({20, 3, 6}), "held_out, was (20, 3, 6)");
  refused(Array::zeros({3, 7}), "held_out, was float32 (3, 7)");
}

TEST(QuantizerWidths, PatternsLeaveFormatsThatOperatorsGive) {
  nn::Sequential net = small_net();  // an LSTM's output and the newest step's have the operator's format
  QuantizationConfig config;
  config.tensors = {{"*.output", "int12"}};
  const QuantizedNet net12 = quantized(net, config).net;
  EXPECT_EQ(net12.program.values[node_of(net12, "dense").output].format.name(), "int12");
  EXPECT_EQ(net12.program.values[node_of(net12, "lstm").output].format.name(), "int16");
}

TEST(QuantizerWidths, RulesThatMeetNothingAreErrors) {
  nn::Sequential net = small_net();
  const auto refused = [&](const QuantizationConfig& config, std::string_view piece) {
    try {
      quantize_net(net, config, data());
      ADD_FAILURE() << "accepted; expected " << piece;
    } catch (const ValueError& error) {
      EXPECT_NE(std::string(error.what()).find(piece), std::string::npos) << error.what();
    }
  };
  refused({.tensors = {{"lstm.cell", "int8"}}}, "meets none that a rule can change; the model has: input, 0.weight");
  refused({.tensors = {{"0*.output", "int8"}}}, "\"0*.output\" meets none that a rule can change");
  refused({.tensors = {{"*.hidden", "int4"}}}, "expected int8 or int16");
  refused({.tensors = {{"2.output", "int17"}}}, "2.output, was \"int17\"");
  refused({.tensors = {{"0.output", "int8"}}}, "0.output has the format that its operator lstm gives it");
  refused({.layers = {{.match = "9", .method = "dynamic"}}}, "rule for layers \"9\" meets none");
}

}  // namespace
}  // namespace quantick::quant
