#include "quantick/cli/pipeline/zoo_programs.h"

#include <memory>

#include "quantick/core/rng.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/zoo/deeplob.h"
#include "quantick/nn/zoo/tcn.h"
#include "quantick/nn/zoo/transformer.h"
#include "quantick/quant/quantizer.h"
#include "quantick/tensor/random_array.h"

namespace quantick::cli {

std::vector<std::pair<std::string, runtime::Program>> zoo_programs(uint64_t seed) {
  constexpr int64_t kSteps = 24, kRows = 16;
  struct Network {
    const char* name;
    std::unique_ptr<nn::Block> block;
    int64_t features;
  };
  std::vector<Network> networks;
  networks.push_back(
      {"deeplob", std::make_unique<nn::zoo::DeepLOB>(nn::zoo::DeepLOBOptions{.channels = 8, .hidden_size = 16}), 40});
  networks.push_back({"tcn", std::make_unique<nn::zoo::TCN>(nn::zoo::TCNOptions{.channels = {16, 16}}), 12});
  networks.push_back({"causal cnn", std::make_unique<nn::zoo::TCN>(nn::zoo::causal_cnn(2, 24)), 24});
  networks.push_back({"transformer",
                      std::make_unique<nn::zoo::Transformer>(nn::zoo::TransformerOptions{
                          .units = 16, .num_heads = 2, .hidden_size = 24, .num_layers = 1, .context = 12}),
                      12});
  std::vector<std::pair<std::string, runtime::Program>> out;
  for (const auto& [name, block, features] : networks) {
    const Key key = Key(seed).fold(name);
    block->initialize(nn::xavier(), seed);
    const Array x = uniform_array(Shape{kSteps, kRows, features}, -2, 2, key);
    (*block)(x);
    const quant::Quantizer quantizer{.model = *block};
    out.emplace_back(std::string(name) + " int8", quantizer.quantize(x).program);
    out.emplace_back(std::string(name) + " dynamic", quantizer.quantize().program);
  }
  return out;
}

}  // namespace quantick::cli
