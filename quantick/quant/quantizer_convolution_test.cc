// The model zoo's convolutional networks, quantized by every method.
#include <gtest/gtest.h>

#include <algorithm>

#include "quantick/autograd/autograd.h"
#include "quantick/core/cpu.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/zoo/deeplob.h"
#include "quantick/nn/zoo/resnet.h"
#include "quantick/nn/zoo/tcn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

/// Running statistics that differ from their start: some passes in training mode.
void settle(nn::Block& net, const Array& x) {
  for (int i = 0; i < 20; ++i) {
    const autograd::Record record;
    net(x);
  }
}

std::vector<std::string> operators_of(const runtime::Program& program) {
  std::vector<std::string> out;
  for (const runtime::ProgramNode& node : program.nodes) out.push_back(node.op);
  return out;
}

struct Method {
  std::string name;
  QuantizationConfig config;
  double decibels;
};

std::vector<Method> methods() {
  return {{"static", {}, 20},
          {"dynamic", {.method = "dynamic"}, 25},
          {"dynamic decay", {.method = "dynamic_decay"}, 25},
          {"weight only", {.method = "weight_only"}, 30}};
}

TEST(QuantizerOnConvolutions, ResNetsByEveryMethod) {
  for (const int version : {1, 2}) {
    nn::zoo::ResNet net({.version = version, .layers = {1, 1}, .channels = {4, 4, 8}, .classes = 3});
    net.initialize(nn::xavier(), 3);
    const Array data = normal_array(Shape{32, 1, 10, 10}, 1, Key(1)),
                test = normal_array(Shape{16, 1, 10, 10}, 1, Key(2));
    settle(net, data);
    for (const Method& method : methods()) {
      const QuantizedNet quantized = quantize_net(net, method.config, data);
      EXPECT_GE(sqnr_db(net(test), quantized.predict(test)), method.decibels)
          << method.name << ", version " << version << "\n"
          << quantized.report.text();
      const auto names = operators_of(quantized.program);
      // Version 2 normalizes what no convolution alone gives: the input, and sums.
      EXPECT_EQ(std::count(names.begin(), names.end(), "batch_norm"), version == 1 ? 0 : 4) << quantized.program.text();
      const Array alone = quantized.predict(test.slice(0, 3, 4).copy());
      EXPECT_TRUE(same_bits(alone, quantized.predict(test).slice(0, 3, 4).copy())) << method.name;
    }
  }
}

TEST(QuantizerOnConvolutions, TCNsByEveryMethod) {
  for (const char* norm : {"layer", "batch"}) {
    nn::zoo::TCN net({.channels = {8, 8}, .kernel_size = 2, .norm = norm, .outputs = 2});
    net.initialize(nn::xavier(), 3);
    const Array data = normal_array(Shape{16, 40, 5}, 1, Key(1)), test = normal_array(Shape{16, 20, 5}, 1, Key(2));
    settle(net, data);
    for (const Method& method : methods()) {
      const QuantizedNet quantized = quantize_net(net, method.config, data);
      EXPECT_GE(sqnr_db(net(test), quantized.predict(test)), method.decibels) << method.name << ", " << norm << "\n"
                                                                              << quantized.report.text();
      const Array window = quantized.predict(test), alone = quantized.predict(test.slice(1, 3, 4).copy());
      EXPECT_TRUE(same_bits(alone, window.slice(0, 3, 4).copy())) << method.name;
      runtime::Stream stream(quantized.program, {.instruments = 20});
      std::vector<float> out(20 * 2);
      for (int64_t t = 0; t < 16; ++t) ASSERT_TRUE(stream.step({test.data<float>() + t * 20 * 5, 20 * 5}, out).ok());
      EXPECT_TRUE(same_bits(Array::from(out, {20, 2}), window)) << method.name << ", tick by tick";
    }
  }
}

/// The window of a session, the ticks of a stream, rows alone, instruction sets: one result.
void expect_one_result(const runtime::Program& program, const Array& x, const std::string& what) {
  const int64_t steps = x.shape()[0], batch = x.shape()[1];
  const Array window = runtime::Session(program).run(x);
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    EXPECT_TRUE(same_bits(runtime::Session(program).run(x), window)) << what << ", " << isa_name(isa);
    runtime::Stream stream(program, {.instruments = batch});
    const auto columns = static_cast<size_t>(batch * stream.columns());
    std::vector<float> out(static_cast<size_t>(batch * stream.output_width()));
    for (int64_t t = 0; t < steps; ++t)
      ASSERT_TRUE(stream.step({x.data<float>() + static_cast<size_t>(t) * columns, columns}, out).ok());
    EXPECT_TRUE(same_bits(Array::from(out, window.shape()), window)) << what << ", " << isa_name(isa) << ", ticks";
  }
  EXPECT_TRUE(same_bits(runtime::Session(program).run(x.slice(1, 1, 2).copy()), window.slice(0, 1, 2).copy())) << what;
}

TEST(QuantizerOnConvolutions, DeepLOBByEveryMethod) {
  nn::zoo::DeepLOB net({.channels = 8, .hidden_size = 16});
  net.initialize(nn::xavier(), 3);
  const Array data = normal_array(Shape{30, 30, 40}, 1, Key(1)), test = normal_array(Shape{30, 6, 40}, 1, Key(2));
  net(data);
  std::vector<Method> all = methods();
  all.push_back({"16 bits", {.quantized_dtype = "int16"}, 30});
  for (const Method& method : all) {
    const QuantizedNet quantized = quantize_net(net, method.config, data);
    EXPECT_GE(sqnr_db(net(test), quantized.predict(test)), method.decibels) << method.name << "\n"
                                                                            << quantized.report.text();
    if (method.name != "weight only")  // float products are equal within one instruction set
      expect_one_result(quantized.program, test, method.name);
  }
}

TEST(QuantizerOnConvolutions, PlainCausalNetworksAreTickedInIntegers) {
  nn::zoo::TCN net(nn::zoo::causal_cnn(3, 16));
  net.initialize(nn::xavier(), 3);
  const Array data = normal_array(Shape{32, 30, 16}, 1, Key(1)), test = normal_array(Shape{32, 6, 16}, 1, Key(2));
  net(data);
  const QuantizedNet quantized = quantize_net(net, {}, data);
  EXPECT_GE(sqnr_db(net(test), quantized.predict(test)), 20) << quantized.report.text();
  expect_one_result(quantized.program, test, "static");
}

}  // namespace
}  // namespace quantick::quant
