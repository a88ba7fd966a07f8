#pragma once
// Second stage: training the float network, and third: its fixed-bits program.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "quantick/cli/pipeline/data_stage.h"
#include "quantick/cli/pipeline/samples.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/strategy/scores.h"
#include "quantick/train/fit.h"

namespace quantick::cli {

/// Trains, shows progress on stderr, writes network.safetensors into the output folder. With `resume`, goes on from the
/// checkpoint that an interrupted training left there.
train::History train_network(const RunConfig& config, const PreparedData& data, nn::Sequential& net, bool resume);

/// Calibrates on the newest training samples, compares on the validation samples, writes model.qtk. The program's
/// metadata says what a live user must rebuild: features, scaler, label, data hash.
quant::QuantizedNet quantize_network(const RunConfig& config, const PreparedData& data, nn::Sequential& net);

/// What a network was trained on and how it sees it; written into both files. Files whose facts differ from the run
/// file's are refused, since their scores would be nonsense.
using Facts = std::map<std::string, std::string>;
Facts facts_of(const RunConfig& config, const PreparedData& data);

/// Reads network.safetensors. Throws IoError where it is not there, ValueError that names the fact which differs.
void load_network(const RunConfig& config, const PreparedData& data, nn::Sequential& net);
/// Reads model.qtk, which must have been made from the network.safetensors that is there.
runtime::Program load_model(const RunConfig& config, const PreparedData& data);

/// Scores of the test dates.
strategy::ScoreMatrix score_float(const RunConfig& config, const PreparedData& data, nn::Sequential& net);
strategy::ScoreMatrix score_program(const RunConfig& config, const PreparedData& data, const runtime::Program& program);

std::string network_path(const RunConfig& config);
std::string model_path(const RunConfig& config);

}  // namespace quantick::cli
