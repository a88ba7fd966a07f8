#include "quantick/quant/corrections.h"

#include <fmt/format.h>

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"

namespace quantick::quant {

std::vector<std::string> correction_names() {
  return {"equalization", "scale_migration", "learned_rounding", "bias_correction"};
}

graph::Graph apply_corrections(const graph::Graph& graph, const CalibrationData& data, const QuantizationConfig& config,
                               std::vector<CorrectionNote>& notes, const LayerMarks& marks, graph::Graph* reference) {
  const FloatMode mode;
  const std::vector<std::string> known = correction_names();
  for (const std::string& name : config.corrections)
    QTK_CHECK(std::find(known.begin(), known.end(), name) != known.end(), ValueError,
              "[quantize] corrections, held \"{}\", expected some of {}", name, fmt::join(known, ", "));
  const auto wanted = [&](const std::string& name) {
    return std::find(config.corrections.begin(), config.corrections.end(), name) != config.corrections.end();
  };
  graph::Graph out = graph;
  if (wanted("equalization")) out = equalize_layers(out, notes);
  if (wanted("scale_migration")) out = migrate_scales(out, data, config, notes);
  const graph::Graph rescaled = out;  // computes what `graph` does
  if (reference != nullptr) *reference = rescaled;
  if (wanted("learned_rounding")) out = learn_rounding(out, data, config, notes, marks);
  if (wanted("bias_correction")) out = correct_biases(out, rescaled, data, config, notes, marks);
  return out;
}

}  // namespace quantick::quant
