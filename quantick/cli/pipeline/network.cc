#include "quantick/cli/pipeline/network.h"

#include "quantick/nn/zoo/tcn.h"
#include "quantick/nn/zoo/transformer.h"

namespace quantick::cli {

namespace {

void add_layers(nn::Sequential& net, const RecurrentModelConfig& m, bool lstm) {
  if (lstm)
    net.add(nn::LSTM(m.hidden_size, {.num_layers = m.num_layers,
                                     .dropout = m.dropout,
                                     .h2h_weight_initializer = nn::orthogonal(),
                                     .i2h_bias_initializer = nn::lstm_bias()}));
  else
    net.add(nn::GRU(m.hidden_size,
                    {.num_layers = m.num_layers, .dropout = m.dropout, .h2h_weight_initializer = nn::orthogonal()}));
  net.add(nn::SequenceLast());
  if (m.layer_norm) net.add(nn::LayerNorm());
  if (m.dropout > 0) net.add(nn::Dropout(m.dropout));
  net.add(nn::Dense(1));
}

void add_layers(nn::Sequential& net, const MlpModelConfig& m) {
  net.add(nn::SequenceLast());
  for (const int64_t units : m.units) {
    net.add(nn::Dense(units, {.activation = m.activation}));
    if (m.dropout > 0) net.add(nn::Dropout(m.dropout));
  }
  net.add(nn::Dense(1));
}

nn::zoo::TransformerOptions options_of(const TransformerModelConfig& m, int64_t context) {
  return {.units = m.units,
          .num_heads = m.num_heads,
          .hidden_size = m.hidden_size,
          .num_layers = m.num_layers,
          .context = context,
          .dropout = m.dropout,
          .norm = m.norm,
          .activation = m.activation};
}

}  // namespace

bool sees_whole_dates(const RunConfig& config) { return config.model.name == "CrossTransformer"; }

Shape input_shape(const RunConfig& config, int64_t features, int64_t instruments) {
  const int64_t window = config.dataset.samples.window;
  return sees_whole_dates(config) ? Shape{1, instruments, window * features} : Shape{window, 1, features};
}

std::unique_ptr<nn::Sequential> make_network(const RunConfig& config, int64_t features) {
  auto net = std::make_unique<nn::Sequential>();
  const std::string& name = config.model.name;
  const int64_t window = config.dataset.samples.window;
  if (name == "LSTM" || name == "GRU") {
    add_layers(*net, config.recurrent, name == "LSTM");
  } else if (name == "MLP") {
    add_layers(*net, config.mlp);
  } else if (name == "TCN") {
    const TcnModelConfig& m = config.tcn;
    net->add(
        nn::zoo::TCN({.channels = m.channels, .kernel_size = m.kernel_size, .dropout = m.dropout, .norm = m.norm}));
  } else if (name == "Transformer") {
    net->add(nn::zoo::Transformer(options_of(config.transformer, window)));
  } else {
    net->add(nn::zoo::CrossTransformer(options_of(config.transformer, window)));
  }
  net->initialize(nn::xavier(), static_cast<uint64_t>(config.seed));
  net->trace({{DType::f32, input_shape(config, features)}});  // completes open shapes
  return net;
}

}  // namespace quantick::cli
