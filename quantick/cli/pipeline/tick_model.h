#pragma once
// The network of a tick replay: trained on windows, run tick by tick.
#include <memory>
#include <vector>

#include "quantick/cli/pipeline/tick_data.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/report.h"
#include "quantick/runtime/program.h"
#include "quantick/train/history.h"

namespace quantick::cli {

struct TickModel {
  std::unique_ptr<nn::Sequential> net;  ///< [steps, batch, features] to [steps, batch, 1]
  runtime::Program program;
  quant::QuantizationReport report;
  features::Scaler scaler;
  train::History history;
  double unit = 0;  ///< standard deviation of the training labels: what a signal of 1 stands for
  int64_t parameters = 0;
  int64_t train_rows = 0;   ///< rows of the training part
  int64_t valid_begin = 0;  ///< first row of the validation part; the rows between reach into it and are left out
  int64_t train_samples = 0, valid_samples = 0;
};

/// Fits scaler and network on the first part of `day`, chooses the epoch on the rest, quantizes with ranges of the
/// first part, and saves <output>/model.qtk. Fills day.x. Shows progress on stderr.
TickModel make_tick_model(const ReplayConfig& config, TickData& day);

/// Signals of every row at once, NaN where a window is not full: what the tick path must reproduce.
std::vector<float> batch_signals(const ReplayConfig& config, const runtime::Program& program, const TickData& data);
/// The float network's.
std::vector<float> float_signals(const ReplayConfig& config, nn::Sequential& net, const TickData& data);

}  // namespace quantick::cli
