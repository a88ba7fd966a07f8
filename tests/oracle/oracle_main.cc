// The library's numbers for tests/python, which compares them with other people's libraries: one JSON document on
// standard input, one on standard output.
//   quantick_oracle metrics   {"profile", "returns", "benchmark"}            -> {name: value}
//   quantick_oracle ic        {"scores", "labels"}: a row per date, null for none -> {"ic": [..], "rank_ic": [..]}
//   quantick_oracle lstm      {"x", "hidden_size", "parameters": {name: {"shape", "values"}}} -> {"shape", "values"}
//   quantick_oracle dynamic_lstm: the same, quantized without data: integers, a scale per row and step
//   quantick_oracle dense     {"rows", "cols", "weights", "bias", "scale", "zero_y", "y_bits", "x"} -> {isa: [codes]}
//   quantick_oracle observer  {"name", "bits", "symmetric", "values"} -> {"low", "high"}
//   quantick_oracle operator, sessions, lowered, quantized_network, ticks: see commands.h
#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "quantick/backtest/profiles.h"
#include "quantick/backtest/signal_metrics.h"
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/nn/lstm.h"
#include "quantick/quant/observer.h"
#include "quantick/quant/quantizer.h"
#include "quantick/strategy/scores.h"
#include "quantick/tensor/array.h"
#include "tests/oracle/commands.h"

namespace quantick {
namespace {

using oracle::array_from;
using oracle::Json;
using oracle::json_from;

Json metrics(const Json& in) {
  const auto returns = in.at("returns").get<std::vector<double>>();
  const auto benchmark = in.value("benchmark", std::vector<double>());
  Json out = Json::object();
  for (const auto& metric : backtest::evaluate_profile(in.at("profile").get<std::string>(), returns, benchmark))
    out[metric.name] = metric.value;
  return out;
}

strategy::ScoreMatrix matrix_from(const Json& in) {
  strategy::ScoreMatrix out;
  for (size_t t = 0; t < in.size(); ++t) {
    out.dates.push_back({static_cast<int32_t>(t)});
    for (const Json& value : in[t]) out.values.push_back(value.is_null() ? std::nan("") : value.get<double>());
  }
  for (size_t i = 0; i < in.at(0).size(); ++i) out.instruments.push_back(std::to_string(i));
  return out;
}

Json ic(const Json& in) {
  const strategy::ScoreMatrix scores = matrix_from(in.at("scores")), labels = matrix_from(in.at("labels"));
  return {{"ic", backtest::information_coefficient(scores, labels)},
          {"rank_ic", backtest::rank_information_coefficient(scores, labels)}};
}

/// Parameters bear their Gluon names, "l0_i2h_weight".
nn::LSTM lstm_block(const Json& in, const Array& x) {
  int64_t layers = 0;
  for (const auto& [name, value] : in.at("parameters").items()) layers += name.ends_with("_i2h_weight");
  nn::LSTM block(in.at("hidden_size").get<int64_t>(), {.num_layers = layers});
  block.initialize();
  block(x);  // completes the shapes
  for (auto& [name, parameter] : block.collect_params()) parameter.set_data(array_from(in.at("parameters").at(name)));
  return block;
}

/// x is (T, N, C).
Json lstm(const Json& in) {
  const Array x = array_from(in.at("x"));
  return json_from(lstm_block(in, x)(x));
}

/// Quantized in one call, without data, and run as a program.
Json dynamic_lstm(const Json& in) {
  const Array x = array_from(in.at("x"));
  nn::LSTM block = lstm_block(in, x);
  return json_from(quant::Quantizer{.model = block}.quantize().predict(x));
}

Json observer(const Json& in) {
  const auto made =
      quant::make_observer(in.at("name").get<std::string>(),
                           {.bits = in.at("bits").get<int>(), .symmetric = in.at("symmetric").get<bool>()});
  made->observe(in.at("values").get<std::vector<float>>());
  const quant::ObservedRange range = made->range();
  return {{"low", range.low}, {"high", range.high}};
}

/// One result per instruction set of this processor.
Json dense(const Json& in) {
  const auto weights = in.at("weights").get<std::vector<int8_t>>();
  const auto bias = in.at("bias").get<std::vector<int64_t>>();
  const auto scale = in.at("scale").get<std::vector<float>>();
  const auto x = in.at("x").get<std::vector<int8_t>>();
  const kernels::DenseSpec spec{.rows = in.at("rows").get<int64_t>(),
                                .cols = in.at("cols").get<int64_t>(),
                                .weights = weights.data(),
                                .bias = bias.data(),
                                .scale = scale.data(),
                                .zero_y = in.at("zero_y").get<int32_t>(),
                                .x_bits = 8,
                                .y_bits = 8};
  const auto samples = static_cast<int64_t>(x.size()) / spec.cols;
  Json out = Json::object();
  for (Isa isa : supported_isas()) {
    const kernels::DenseKernel kernel(spec, isa);
    std::vector<int8_t> y(static_cast<size_t>(samples * spec.rows));
    std::vector<std::byte> scratch(kernel.scratch_bytes());
    const FloatMode mode;
    kernel.run(x.data(), samples, y.data(), scratch.data());
    out[std::string(isa_name(isa))] = y;
  }
  return out;
}

int run(int argc, char** argv) {
  const std::map<std::string, std::function<Json(const Json&)>> commands{
      {"dense", dense},
      {"dynamic_lstm", dynamic_lstm},
      {"ic", ic},
      {"lowered", oracle::run_lowered},
      {"lstm", lstm},
      {"metrics", metrics},
      {"observer", observer},
      {"operator", oracle::run_operator},
      {"quantized_network", oracle::run_quantized_network},
      {"sessions", oracle::run_sessions},
      {"ticks", oracle::run_ticks}};
  const auto command = commands.find(argc == 2 ? argv[1] : "");
  QTK_CHECK(command != commands.end(), ValueError,
            "[oracle] expected one command: dense, dynamic_lstm, ic, lowered, lstm, metrics, observer, operator, "
            "quantized_network, sessions or ticks");
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  std::cout << command->second(Json::parse(text)) << "\n";
  return 0;
}

}  // namespace
}  // namespace quantick

int main(int argc, char** argv) {
  try {
    return quantick::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
