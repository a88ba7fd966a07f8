#pragma once
// Changes to the float parameters that make their quantized form lose less. Each takes a graph and gives a changed
// copy, so that lowering stays the only way to integers; value ids stay, and the caller's arrays are not written to.
// All are deterministic. Layers are dense, convolution and causal_convolution unless said otherwise; those that stay
// float are left alone.
#include <string>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/quant/calibration.h"
#include "quantick/quant/config.h"
#include "quantick/quant/node_plan.h"

namespace quantick::quant {

/// What a correction did to one layer, or why it did nothing.
struct CorrectionNote {
  std::string correction, layer, what;
  double before = 0, after = 0;  ///< of the quantity that `what` names
  bool skipped = false;          ///< it did nothing, and `what` says why
};

/// In the order in which they are applied: "equalization", "scale_migration", "learned_rounding", "bias_correction".
std::vector<std::string> correction_names();

/// Applies those that config.corrections names, in the order of correction_names(). Throws ValueError for an unknown
/// name, and where one but equalization is wanted without data. `reference`, if not null, becomes the float graph whose
/// tensors those of the result should equal: `graph` with the scales that equalization and migration moved.
graph::Graph apply_corrections(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config,
                               std::vector<CorrectionNote>& notes, const LayerMarks& marks = {},
                               graph::Graph* reference = nullptr);

/// Cross-layer equalization (Nagel et al. 2019): where two layers follow each other, with nothing between them but
/// operators for which f(s x) = s f(x), the rows of the first and the columns of the second get the same ranges. The
/// network computes what it computed, up to float32 rounding.
graph::Graph equalize_layers(const graph::Graph& graph, std::vector<CorrectionNote>& notes);

/// Activation-to-weight scale migration (Xiao et al. 2022, with their alpha of 0.5): channels of a layer's input are
/// divided by sqrt(max|x|) / sqrt(max|w|), and its columns multiplied. The division goes into what makes the input:
/// gamma and beta of a normalization, or rows of a layer. Where nothing can take it, a note says so. LSTM and GRU are
/// readers, too.
graph::Graph migrate_scales(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config,
                            std::vector<CorrectionNote>& notes);

/// Learned rounding (AdaRound, Nagel et al. 2020): each weight goes to the grid value above or below it, so that the
/// layer's outputs on the data change least. The weights of the result lie on the grid that lowering finds for them.
graph::Graph learn_rounding(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config,
                            std::vector<CorrectionNote>& notes, const LayerMarks& marks = {});

/// Bias correction (Nagel et al. 2019, section 4.2, with measured means): the mean error of each output channel against
/// `reference`, a graph with the same values, leaves the layer's bias. For LSTM and GRU it is that of the gates before
/// their activation. Layers without a bias get one.
graph::Graph correct_biases(const graph::Graph& graph, const graph::Graph& reference, const CalibrationData& data,
                            const QuantizationConfig& config, std::vector<CorrectionNote>& notes,
                            const LayerMarks& marks = {});

}  // namespace quantick::quant
