#pragma once
// First stage of a run: prices to samples.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quantick/backtest/prices.h"
#include "quantick/cli/run_config.h"
#include "quantick/features/feature_set.h"
#include "quantick/features/scaler.h"
#include "quantick/features/window_dataset.h"
#include "quantick/market/panel.h"

namespace quantick::cli {

struct PreparedData {
  market::Panel panel;
  backtest::Prices prices;
  std::optional<market::Panel> benchmark;  ///< one instrument
  std::vector<std::string> feature_names;
  features::Scaler scaler;
  std::unique_ptr<features::WindowDataset> dataset;
  features::SampleList train, valid, test;  ///< with labels, purged
  features::SampleList test_predictions;    ///< of the test dates, labels or not
  std::vector<std::string> notes;           ///< what was inferred, filled, skipped: for the report and the screen
};

/// prepare_data without prices and benchmark: nothing that a backtest needs. Takes intraday bars, too.
PreparedData prepare_samples(const RunConfig& config);

/// Reads the files, computes features, fits the scaler on the training dates and lists the samples. Throws with the
/// file's or the run file's place; ValueError for a segment without samples.
PreparedData prepare_data(const RunConfig& config);

/// Prices only, for commands that bring their own scores.
market::Panel read_prices(const RunConfig& config);

}  // namespace quantick::cli
