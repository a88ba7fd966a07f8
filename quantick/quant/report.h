#pragma once
// What quantization cost, layer by layer: the float graph and the program run on the same samples, value by value.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/quant/corrections.h"
#include "quantick/quant/lowering.h"

namespace quantick::quant {

/// One tensor: the input, or the output of a node.
struct TensorReport {
  std::string name;   ///< layer, or "input"; ".2" and on where a layer has several tensors
  std::string op;     ///< "" for the input
  std::string dtype;  ///< of the program's tensor
  double scale = 1;
  int64_t zero_point = 0;
  double low = 0, high = 0;  ///< range chosen in calibration
  /// Signal to quantization noise in dB against the float graph; infinity where equal, 0 for a signal of zeros.
  double sqnr_db = 0;
  double sqnr_mean_removed_db = 0;  ///< the same with both means removed
  double cosine = 1;
  double saturation = 0;  ///< share of values that the format cuts off: outside by more than half a step
  /// Noise that this node alone adds: against the float operator on the inputs that the program gave it.
  double own_sqnr_db = 0;
  /// Inside the node, as shares of its output values: updates of a state that were lost whole, and clamped values.
  double dead_zone = 0, inner_saturation = 0;
  std::string method;  ///< static, dynamic, ...; "" for the input and conversions
  bool collapsed = false;
  int64_t observed = 0;  ///< values that calibration saw
  int64_t missing = 0;   ///< and skipped
  double histogram_low = 0, histogram_high = 0;
  std::vector<int64_t> histogram;  ///< counts in equal parts of that range
};

struct QuantizationReport {
  std::vector<TensorReport> tensors;  ///< in the order in which they are computed; the last one is the output
  std::vector<FloatNode> float_nodes;
  std::vector<CorrectionNote> corrections;
  std::vector<std::string> warnings;
  std::vector<std::string> advice;  ///< what to change first, the most worthwhile first
  int64_t calibration_rows = 0;
  int64_t compared_rows = 0;
  int64_t float_bytes = 0, program_bytes = 0;  ///< of parameters, of constants
  std::string text() const;                    ///< a table for people
};

/// Signal to noise of `got` against `reference`, in dB.
double sqnr_db(const Array& reference, const Array& got, bool remove_mean = false);
double cosine_similarity(const Array& a, const Array& b);

/// Compares on `samples` (the input of the model; NaN and infinities count as the fill value). Without samples the
/// report says formats and sizes alone, and errors are NaN.
QuantizationReport make_report(const graph::Graph& graph, const Calibration& calibration, const Lowered& lowered,
                               const Array& samples);

/// Warns that gates or states are narrower than float32, with the output's SQNR as it is and as `wide`, the same
/// program with float32 gates and states, has it.
void warn_of_narrow_states(QuantizationReport& report, const graph::Graph& graph, const Lowered& wide,
                           const Array& samples);

}  // namespace quantick::quant
