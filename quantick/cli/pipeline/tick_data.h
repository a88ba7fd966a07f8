#pragma once
// Tick files as a model sees them: the ticks it runs on, the stretches over which it may remember, and labels.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/cli/replay_config.h"
#include "quantick/features/scaler.h"
#include "quantick/features/ticks/tick_feature_set.h"
#include "quantick/market/tick.h"
#include "quantick/train/dataset.h"

namespace quantick::cli {

/// A row is a tick on which every feature has a value. A stretch is a run of ticks that are all rows, within one
/// session; where it ends the model's state does.
struct TickData {
  market::TickTape tape;
  std::string symbol;   ///< "" where the files do not say
  int64_t skipped = 0;  ///< messages of the files that are neither quote, trade nor depth
  features::TickMatrix matrix;
  int64_t ticks = 0;
  int64_t incomplete = 0;        ///< ticks that lack a feature
  std::vector<int64_t> events;   ///< by row: the event
  std::vector<int64_t> stretch;  ///< by row: the first row of its stretch
  std::vector<double> label;     ///< by row: return of the mid, NaN where the horizon lies behind the data
  int64_t unlabelled = 0;        ///< ticks without a label
  std::vector<float> x;          ///< [rows, features], scaled; empty before scale()

  int64_t rows() const { return static_cast<int64_t>(events.size()); }
  int64_t width() const { return static_cast<int64_t>(matrix.names.size()); }
  /// First rows of all stretches, and rows() at the end.
  std::vector<int64_t> bounds() const;
};

features::TickFeatureOptions feature_options(const ReplayConfig& config);

/// Reads files into memory and computes features and labels. `before`, where given, is what was received before them:
/// features and books go on from there, rows do not. Throws what the readers throw, ValueError for files without a row
/// or of another symbol, and ones that begin before `before` ends.
TickData read_tick_data(const ReplayConfig& config, const std::vector<std::string>& paths,
                        const TickData* before = nullptr);

/// Fits on the rows [0, rows).
features::Scaler fit_scaler(const ReplayConfig& config, const TickData& data, int64_t rows);

/// Fills data.x.
void scale(TickData& data, const features::Scaler& scaler);

/// Windows of a fixed number of rows within one stretch, each with the label of its last row over `unit`.
class TickSamples : public train::Dataset {
 public:
  /// Those whose last row is inside [begin, end) and has a label. `data` outlives this.
  TickSamples(const TickData& data, int64_t window, int64_t begin, int64_t end, double unit);

  int64_t size() const override { return static_cast<int64_t>(last_.size()); }
  int64_t steps() const override { return window_; }
  int64_t features() const override { return data_.width(); }
  void gather(std::span<const int64_t> ids, float* x, float* y) const override;
  /// All samples are one group: an IC is the correlation over all of them.
  int64_t group(int64_t) const override { return 0; }

 private:
  const TickData& data_;
  int64_t window_;
  double unit_;
  std::vector<int64_t> last_;
};

}  // namespace quantick::cli
