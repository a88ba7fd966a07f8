#pragma once
// Runs the float graph on sample data and watches every tensor.
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/quant/config.h"
#include "quantick/quant/observer.h"

namespace quantick::quant {

/// Batches of one model input, each [steps, batch, features] or [batch, features].
struct CalibrationData {
  CalibrationData() = default;
  CalibrationData(const Array& batch) : batches{batch} {}                       // NOLINT: reads naturally
  CalibrationData(std::vector<Array> several) : batches(std::move(several)) {}  // NOLINT
  std::vector<Array> batches;
  /// Where given, called after each batch that calibration has observed, with their number so far. May throw, to stop.
  std::function<void(size_t)> on_batch;
  /// Where given, sees each float32 tensor of each batch: its name as rules have it ("input", "fc.output"), the
  /// operator that makes it ("" for the input), its values. Missing cells of the input are still there.
  std::function<void(const std::string& tensor, const std::string& op, const Array& values)> on_tensor;
  /// Where given, called at the end for ranges by those names, which go before those of calib_mode.
  std::function<std::map<std::string, ObservedRange>()> ranges;
};

/// A tensor with cells that calibration left out.
struct SkippedCells {
  graph::ValueId value = -1;
  int64_t observed = 0;  ///< 0: the tensor was empty, held nothing but missing cells, or is not float32
  int64_t missing = 0;   ///< NaN and infinities
};

class Calibration {
 public:
  const Observer& at(graph::ValueId value) const;
  /// Whether the value was observed at all.
  bool has(graph::ValueId value) const { return observers_.contains(value); }
  /// The range that CalibrationData::ranges gave a tensor, or null.
  const ObservedRange* given(const std::string& tensor) const;
  /// Largest magnitude of the hidden state of a node whose configuration narrows it; 0 for other nodes.
  double state_range(int node) const;
  int64_t rows() const { return rows_; }
  /// NaN and infinite cells of the input, which were skipped.
  int64_t missing() const { return missing_; }
  /// Tensors with missing cells or without any, by value id.
  std::vector<SkippedCells> skipped() const;

 private:
  friend Calibration calibrate(const graph::Graph&, const CalibrationData&, const QuantizationConfig&);
  std::map<graph::ValueId, std::unique_ptr<Observer>> observers_;
  std::map<int, double> state_ranges_;
  std::map<std::string, ObservedRange> given_;
  int64_t rows_ = 0, missing_ = 0;
};

/// Observes the input and the first output of each node. Missing cells of the input are not observed; for the layers
/// behind it they count as config.fill_value. Throws ValueError where there is no data or more than one input.
Calibration calibrate(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config);

/// A copy whose NaN and infinities are `fill`; x itself where it has none.
Array with_missing_filled(const Array& x, float fill);

struct FormatChoice {
  int bits = 8;            ///< 2..16; above 8 always symmetric
  bool symmetric = false;  ///< zero point 0; else 0 lies on the grid and the ends are the range's
  bool power_of_two = false;
};

/// The integer format that covers a range (docs/numerics.md, section 2); scale 1 where the range is empty. Throws
/// ValueError for a range that float32 scales cannot cover.
TensorFormat choose_format(const ObservedRange& range, const FormatChoice& choice = {});

}  // namespace quantick::quant
