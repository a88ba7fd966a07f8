// The floor that MXNet sets for a quantized LSTM: a mean squared error below 1e-3 after calibration, whatever the depth
// and the scale of the inputs.
#include <gtest/gtest.h>

#include <string>

#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/tensor/random_array.h"

namespace quantick::quant {
namespace {

constexpr int64_t kSteps = 30, kRows = 40, kFeatures = 8;

/// Error of the hidden states of all steps on data that calibration has not seen.
double error_after_calibration(const nn::LSTMOptions& options, double scale) {
  nn::LSTM net(24, options);
  net.initialize(nn::uniform(0.3), 3);
  const Shape shape{kSteps, kRows, kFeatures};
  const Array seen = normal_array(shape, scale, Key(1)), unseen = normal_array(shape, scale, Key(2));
  net(seen);
  const Array want = net(unseen), got = quantize_net(net, {}, seen).predict(unseen);
  const auto a = want.to_vector<double>(), b = got.to_vector<double>();
  EXPECT_EQ(a.size(), b.size());
  double sum = 0, power = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]), power += a[i] * a[i];
  // Inputs of 0.01 give states of a few steps of 2^-15; all others are far above the grid.
  if (scale >= 1) {
    EXPECT_LT(sum, power * 1e-3);
  }
  return sum / static_cast<double>(a.size());
}

TEST(LstmFloor, OneLayerAndMoreWithInputsOfAnyScale) {
  for (const double scale : {0.01, 1.0, 10.0})
    for (const int64_t layers : {1, 2, 3})
      EXPECT_LT(error_after_calibration({.num_layers = layers}, scale), 1e-3)
          << layers << " layers, inputs of scale " << scale;
}

TEST(LstmFloor, BothDirectionsAndProjections) {
  for (const double scale : {0.01, 1.0, 10.0}) {
    EXPECT_LT(error_after_calibration({.num_layers = 2, .bidirectional = true}, scale), 1e-3) << scale;
    EXPECT_LT(error_after_calibration({.num_layers = 2, .projection_size = 10}, scale), 1e-3) << scale;
  }
}

}  // namespace
}  // namespace quantick::quant
