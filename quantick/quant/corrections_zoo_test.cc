// All corrections together on whole networks with 4-bit weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "quantick/core/rng.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/zoo/resnet.h"
#include "quantick/nn/zoo/tcn.h"
#include "quantick/nn/zoo/transformer.h"
#include "quantick/quant/quantizer.h"

namespace quantick::quant {
namespace {

/// Channels that move together around a mean that is not 0, as features do.
Array features(const Shape& shape, const Key& key) {
  const int64_t channels = shape[-1];
  std::vector<float> v(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < v.size(); ++i) {
    const size_t row = i / static_cast<size_t>(channels);
    const double common = key.fold("common").normal(row), own = key.normal(i);
    v[i] = static_cast<float>(0.5 + 0.8 * std::clamp(common, -3.0, 3.0) + 0.4 * std::clamp(own, -3.0, 3.0));
  }
  return Array::from(v, shape);
}

struct Net {
  std::string name;
  std::unique_ptr<nn::Block> block;
  Shape input;
};

std::vector<Net> nets() {
  std::vector<Net> out;
  out.push_back({"transformer",
                 std::make_unique<nn::zoo::Transformer>(nn::zoo::TransformerOptions{
                     .units = 8, .num_heads = 2, .hidden_size = 16, .num_layers = 1, .context = 8}),
                 {8, 40, 6}});
  out.push_back(
      {"tcn", std::make_unique<nn::zoo::TCN>(nn::zoo::TCNOptions{.channels = {8, 8}, .norm = "none"}), {10, 40, 6}});
  out.push_back({"resnet",
                 std::make_unique<nn::zoo::ResNet>(
                     nn::zoo::ResNetOptions{.version = 1, .layers = {1}, .channels = {4, 8}, .classes = 3}),
                 {40, 1, 6, 6}});
  out.push_back({"gru", std::make_unique<nn::Sequential>(nn::GRU(16), nn::SequenceLast(), nn::Dense(2)), {10, 40, 6}});
  return out;
}

TEST(SlowCorrectionsOnNets, FourBitWeightsGainAndEveryNetIsTaken) {
  for (const Net& net : nets()) {
    net.block->initialize(nn::xavier(), 5);
    const Array data = features(net.input, Key(1)), test = features(net.input, Key(2));
    const Array expected = (*net.block)(test);
    QuantizationConfig config;
    config.weight_bits = 4;
    const QuantizedNet plain = quantize_net(*net.block, config, data);
    config.corrections = {"equalization", "scale_migration", "learned_rounding", "bias_correction"};
    const QuantizedNet corrected = quantize_net(*net.block, config, data);
    EXPECT_GT(sqnr_db(expected, corrected.predict(test)), sqnr_db(expected, plain.predict(test)) + 1)
        << net.name << "\n"
        << plain.report.text() << corrected.report.text();
    EXPECT_FALSE(corrected.report.corrections.empty()) << net.name;
    EXPECT_TRUE(same_bits(expected, (*net.block)(test))) << net.name << ": the model's own parameters changed";
    if (net.name != "gru") continue;
    config.method = "dynamic";
    const double better = sqnr_db(expected, quantize_net(*net.block, config, data).predict(test));
    config.corrections.clear();
    EXPECT_GT(better, sqnr_db(expected, quantize_net(*net.block, config, data).predict(test)) + 1);
  }
}

}  // namespace
}  // namespace quantick::quant
