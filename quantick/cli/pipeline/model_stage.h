#pragma once
// Second stage: training the float network, and third: its fixed-bits program.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "quantick/cli/pipeline/data_stage.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/strategy/scores.h"
#include "quantick/train/fit.h"

namespace quantick::cli {

/// The window dataset as training sees it: the samples of one list, numbered from 0.
class SampleDataset : public train::Dataset {
 public:
  SampleDataset(const features::WindowDataset& windows, const features::SampleList& list)
      : windows_(windows), list_(list) {}
  int64_t size() const override { return static_cast<int64_t>(list_.ids.size()); }
  int64_t steps() const override { return windows_.options().window; }
  int64_t features() const override { return windows_.width(); }
  void gather(std::span<const int64_t> ids, float* x, float* y) const override;
  int64_t group(int64_t id) const override { return windows_.date_of(list_.ids[static_cast<size_t>(id)]); }

 private:
  const features::WindowDataset& windows_;
  const features::SampleList& list_;
};

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
strategy::ScoreMatrix score_float(const PreparedData& data, nn::Sequential& net);
strategy::ScoreMatrix score_program(const PreparedData& data, const runtime::Program& program);

std::string network_path(const RunConfig& config);
std::string model_path(const RunConfig& config);

}  // namespace quantick::cli
