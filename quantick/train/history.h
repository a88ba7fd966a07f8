#pragma once
// What training tells: per step, per epoch, at the end.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/core/fields.h"

namespace quantick::train {

struct StepInfo {
  int64_t epoch = 1;   ///< counts from 1
  int64_t epochs = 1;  ///< planned
  int64_t step = 1;    ///< over the whole training, counts from 1
  int64_t step_of_epoch = 1, steps_per_epoch = 1;
  double loss = 0;       ///< of this batch
  double mean_loss = 0;  ///< of the epoch so far
  double learning_rate = 0;
  double gradient_norm = 0;       ///< before clipping
  double samples_per_second = 0;  ///< of the epoch so far in this run; 0 without a clock
};

/// Validation values are NaN where there is no validation data, ICs also where no date has one.
struct EpochRecord {
  int64_t epoch = 1;
  int64_t steps = 0;
  double train_loss = 0;
  double validation_loss = 0;
  double validation_ic = 0;
  double validation_rank_ic = 0;
  double learning_rate = 0;
  double seconds = 0;
  double samples_per_second = 0;
  bool best = false;

  static constexpr auto fields() {
    using E = EpochRecord;
    return std::make_tuple(
        field("epoch", &E::epoch, "counts from 1"), field("steps", &E::steps, "done so far"),
        field("train_loss", &E::train_loss, "mean over the samples of the epoch, as they came"),
        field("validation_loss", &E::validation_loss, "mean over the samples, after the epoch; NaN: no validation"),
        field("validation_ic", &E::validation_ic, "mean over dates of the Pearson correlation"),
        field("validation_rank_ic", &E::validation_rank_ic, "mean over dates of the Spearman correlation"),
        field("learning_rate", &E::learning_rate, "of the last step"),
        field("seconds", &E::seconds, "of this run's part of the epoch, validation included; 0 without a clock"),
        field("samples_per_second", &E::samples_per_second, "of training; 0 without a clock"),
        field("best", &E::best, "the monitored value was the best so far"));
  }
};

struct History {
  std::vector<EpochRecord> epochs;
  int64_t steps = 0;
  int64_t best_epoch = 0;  ///< whose weights the network has; 0: the last one's
  bool stopped_early = false;
  std::string stop_reason;  ///< "" where all epochs ran
};

}  // namespace quantick::train
