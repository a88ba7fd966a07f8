// The calls of quantization, from a float network to a program that steps tick by tick. Run: build/release/quantize_net
#include <cstdio>

#include "quantick/core/rng.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/causality.h"
#include "quantick/runtime/stream.h"

using namespace quantick;
using namespace quantick::quant;

namespace {

/// An LSTM over time, the newest step, two Dense layers.
class Net final : public nn::Block {
 public:
  std::string kind() const override { return "net"; }
  Arrays forward(const Arrays& in) override { return {fc_final_(fc_(sequence_last(lstm_(in[0]))))}; }

 private:
  nn::LSTM& lstm_ = add_child("lstm", nn::LSTM(64, {.num_layers = 2, .quantization = true}));
  nn::Dense& fc_ = add_child("fc", nn::QuantizedDense(32, {.activation = "gelu"}));
  nn::Dense& fc_final_ = add_child("fc_final", nn::Dense(1));
};

Array random_windows(int64_t steps, int64_t batch, int64_t features, const Key& key) {
  std::vector<float> values(static_cast<size_t>(steps * batch * features));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(key.normal(i));
  return Array::from(values, {steps, batch, features});
}

void print(const std::string& title, const QuantizedNet& quantized, const Array& expected, const Array& x) {
  std::printf("%-46s %6.1f dB  %7lld bytes of %lld\n", title.c_str(), sqnr_db(expected, quantized.predict(x), true),
              static_cast<long long>(quantized.report.program_bytes),
              static_cast<long long>(quantized.report.float_bytes));
}

}  // namespace

int main() {
  Net net;
  net.initialize(nn::xavier(), 7);
  const Array calibration_data = random_windows(20, 256, 12, Key(1)), x = random_windows(20, 64, 12, Key(2));
  const Array expected = net(x);

  auto q = Quantizer{.model = net, .quantized_dtype = "auto", .exclude_layers = {"fc_final"}};
  print("no data: causal dynamic quantization", q.quantize(), expected, x);
  const QuantizedNet qnet = q.quantize(calibration_data);
  print("calibrated, fc_final in float", qnet, expected, x);
  print("calibrated, every layer", Quantizer{.model = net}.quantize(calibration_data), expected, x);

  QuantizationConfig config;
  config.calib_mode = "entropy";
  config.tensors = {{"lstm*.weight", "int6"}, {"lstm.weight.f", "int8"}, {"fc.output", "int12"}};
  config.layers = {{.match = "fc", .quantize_granularity = "group-wise", .group_size = 16}};
  config.corrections = {"bias_correction"};
  print("own widths, groups, bias correction", quantize_net(net, config, calibration_data), expected, x);

  QuantizationConfig weights;
  weights.method = "weight_only";
  weights.weight_bits = 4;
  print("weights alone, 4 bits", quantize_net(net, weights, calibration_data), expected, x);

  std::printf("\n%s\n", qnet.report.text().c_str());

  // The same bits, step by step: what the backtest computed is what trades.
  runtime::Stream stream(qnet.program, {.instruments = 64});
  Array live = Array::empty({64, 1});
  const auto ticks = static_cast<size_t>(64 * 12);
  for (size_t t = 0; t < 20; ++t)
    if (!stream.step({x.data<float>() + t * ticks, ticks}, {live.mutable_data<float>(), 64}).ok()) return 1;
  const bool equal = same_bits(live, qnet.predict(x));
  const auto lookahead = runtime::check_causality(runtime::Session(qnet.program), x);
  std::printf("stream %s batch; %s\n", equal ? "=" : "differs from", lookahead.text().c_str());
  return equal && lookahead.causal() ? 0 : 1;
}
