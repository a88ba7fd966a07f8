#pragma once
// The state of a training in one file: parameters, optimizer states, place in the epoch, best weights, history.
#include <map>
#include <string>
#include <vector>

#include "quantick/nn/block.h"
#include "quantick/optim/optimizer.h"
#include "quantick/train/history.h"

namespace quantick::train {

/// Where a training stands. Order of samples and dropout masks follow from seed, epoch and step alone.
struct TrainState {
  int64_t epoch = 1;          ///< running, counts from 1
  int64_t step_of_epoch = 0;  ///< done in this epoch
  int64_t step = 0;           ///< done at all
  double loss_sum = 0;        ///< over the epoch's samples so far
  int64_t samples = 0;        ///< of the epoch so far
  double last_learning_rate = 0;
  double best = 0;         ///< monitored value of best_epoch
  int64_t best_epoch = 0;  ///< 0: none yet
  int64_t waited = 0;      ///< epochs since then
  bool finished = false;
  bool stopped_early = false;
  std::string stop_reason;
  std::vector<EpochRecord> epochs;
  Arrays best_weights;  ///< in the order of collect_params(); empty where there are none
};

/// What a resumed training must have in common with the first one: option -> value, as text.
using TrainIdentity = std::map<std::string, std::string>;

/// Replaces the file atomically.
void save_checkpoint(const std::string& path, const nn::Block& net, const optim::Optimizer& optimizer,
                     const TrainState& state, const TrainIdentity& identity);

/// Restores network and optimizer. Throws FormatError for a file that is cut, altered or no checkpoint, ValueError that
/// names every option of `identity` and every parameter that differs; then nothing has changed.
TrainState load_checkpoint(const std::string& path, nn::Block& net, optim::Optimizer& optimizer,
                           const TrainIdentity& identity);

}  // namespace quantick::train
