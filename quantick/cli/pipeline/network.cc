#include "quantick/cli/pipeline/network.h"

namespace quantick::cli {

std::unique_ptr<nn::Sequential> make_network(const RunConfig& config, int64_t features) {
  auto net = std::make_unique<nn::Sequential>();
  if (config.model.name == "LSTM") {
    const LstmModelConfig& m = config.lstm;
    net->add(nn::LSTM(m.hidden_size, {.num_layers = m.num_layers,
                                      .dropout = m.dropout,
                                      .h2h_weight_initializer = nn::orthogonal(),
                                      .i2h_bias_initializer = nn::lstm_bias()}));
    net->add(nn::SequenceLast());
    if (m.layer_norm) net->add(nn::LayerNorm());
    if (m.dropout > 0) net->add(nn::Dropout(m.dropout));
  } else {
    const MlpModelConfig& m = config.mlp;
    net->add(nn::SequenceLast());
    for (const int64_t units : m.units) {
      net->add(nn::Dense(units, {.activation = m.activation}));
      if (m.dropout > 0) net->add(nn::Dropout(m.dropout));
    }
  }
  net->add(nn::Dense(1));
  net->initialize(nn::xavier(), static_cast<uint64_t>(config.seed));
  net->trace({{DType::f32, {config.dataset.samples.window, 1, features}}});  // completes open shapes
  return net;
}

}  // namespace quantick::cli
