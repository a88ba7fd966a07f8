#pragma once
// The training loop.
//
//   History history = train::fit(net, optim::L2Loss(), data, {.epochs = 20, .optimizer = "AdamW", .validation =
//   &held});
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"
#include "quantick/optim/loss.h"
#include "quantick/optim/optimizer.h"
#include "quantick/optim/schedule.h"
#include "quantick/train/callback.h"
#include "quantick/train/dataset.h"
#include "quantick/train/history.h"

namespace quantick::train {

struct FitOptions {
  int64_t epochs = 10;
  /// Samples per step with batching "samples", dates per step with "dates".
  int64_t batch_size = 256;
  /// "samples": any samples together; "dates": all samples of whole dates, for losses that look across a date.
  std::string batching = "samples";
  bool shuffle = true;
  uint64_t seed = 0;
  std::string optimizer = "Adam";
  Attributes optimizer_kwargs;
  std::string lr_scheduler = "ConstantScheduler";
  Attributes lr_scheduler_kwargs;
  double clip_gradient_norm = 0;  ///< global norm; 0: no clipping
  bool hybridize = true;
  std::string layout = "TNC";  ///< of the network's input, see PredictOptions

  const Dataset* validation = nullptr;
  /// Value that chooses the best epoch: "loss" (smaller is better), "rank_ic" or "ic" (larger is better), on
  /// validation.
  std::string monitor = "loss";
  int64_t patience = 0;      ///< epochs without improvement before stopping; 0: never stop early
  double min_delta = 0;      ///< smallest change that counts as improvement
  bool restore_best = true;  ///< with validation: end with the best epoch's weights

  std::string checkpoint;               ///< one file, replaced atomically; "": none
  int64_t checkpoint_every_steps = 0;   ///< 0: not within epochs
  int64_t checkpoint_every_epochs = 1;  ///< 0: not at epochs' ends, but still at the end
  /// What the caller trains on what (data hash, architecture, ...): a checkpoint with other facts is refused.
  std::map<std::string, std::string> facts;
  /// Go on from `checkpoint` where the file exists. The bits are those of the uninterrupted run.
  bool resume = false;

  std::function<double()> clock;  ///< seconds of a monotonic clock, for speeds; none: not measured
};

/// Trains a network that initialize() has been called on. The loss of a step is the mean of the loss's values over the
/// batch. Epoch e visits the samples in the order of Key(seed).fold("shuffle").fold(e); dropout of step s draws from
/// Key(seed).fold("dropout").fold(s). Results do not depend on the number of threads.
///
/// Throws ValueError for wrong options, for a checkpoint of another training (names what differs), and for a loss or
/// gradient that is not finite (names step, learning rate and parameter); InterruptedError after Ctrl-C
/// (core/interrupt.h), when the checkpoint, where one is asked for, has been written.
History fit(nn::Block& net, const optim::Loss& loss, const Dataset& training, const FitOptions& options = {},
            std::span<Callback* const> callbacks = {});

}  // namespace quantick::train
