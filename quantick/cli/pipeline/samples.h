#pragma once
// The window dataset as a network of a run file sees it.
#include <memory>
#include <string>
#include <vector>

#include "quantick/cli/run_config.h"
#include "quantick/features/window_dataset.h"
#include "quantick/strategy/scores.h"
#include "quantick/train/dataset.h"

namespace quantick::cli {

/// The samples of one list, numbered from 0: its windows one by one, or date by date. Dates as samples have the
/// instruments of the data in place of steps, and a window each as channels. An instrument without a complete window is
/// 0 everywhere, which is the mean of scaled features; one without a label does not count in the loss.
class Samples : public train::Dataset {
 public:
  /// Of train::batch_inputs.
  virtual std::string layout() const = 0;
  /// One score for each id of the list, from the network's outputs for all samples.
  virtual std::vector<float> per_id(const std::vector<float>& outputs) const = 0;
};

/// Both outlive what is returned.
std::unique_ptr<Samples> make_samples(const RunConfig& config, const features::WindowDataset& windows,
                                      const features::SampleList& list);

/// Values by id of the list as a matrix: a row per date and a column per instrument; with intraday bars a row per day
/// and a column per time of day (and instrument), so that what is measured "per date" is measured over the bars of a
/// day. NaN where the list has no sample.
strategy::ScoreMatrix to_matrix(const features::WindowDataset& windows, const features::SampleList& list,
                                std::span<const float> values);

}  // namespace quantick::cli
