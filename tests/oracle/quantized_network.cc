#include "quantick/core/float_mode.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/model_file.h"
#include "tests/oracle/commands.h"

namespace quantick::oracle {

Json run_quantized_network(const Json& in) {
  const FloatMode mode;
  nn::Sequential net;
  net.add(nn::LSTM(in.at("hidden_size").get<int64_t>(), {.num_layers = in.at("num_layers").get<int64_t>()}));
  net.add(nn::SequenceLast());
  net.add(nn::Dense(1));
  net.initialize();
  const Array x = array_from(in.at("x"));
  net(x);  // completes the shapes
  net.load_parameters(in.at("safetensors").get<std::string>());
  const quant::Quantizer quantizer{.model = net};
  const quant::QuantizedNet made =
      in.contains("calibration") ? quantizer.quantize(array_from(in.at("calibration"))) : quantizer.quantize();
  return {{"identity", runtime::identity(made.program)},
          {"float", json_from(net(x))},
          {"quantized", json_from(made.predict(x))}};
}

}  // namespace quantick::oracle
