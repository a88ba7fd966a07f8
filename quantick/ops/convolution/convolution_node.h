#pragma once
// Convolutions as nodes of a fixed-bits program (docs/numerics.md, section 8).
#include <memory>

#include "quantick/ops/convolution/tap_rows.h"
#include "quantick/ops/convolution/windows.h"

namespace quantick {

/// Frames [batch, channels, width] or [batch, channels, height, width]; padding reads the zero point.
std::unique_ptr<IntegerNode> make_convolution_node(const PrepareCall& call, const Windows& windows, int64_t groups);

/// Sequences [steps, batch, columns, channels]. State of a batch row: the last (taps - 1) * dilation rows of x; with
/// method dynamic_decay, the largest magnitudes, too. A tick has two halves where TapProduct can split the product:
/// prepare_step sums the older taps, finish_step adds the newest. All other forms run whole in finish_step.
std::unique_ptr<IntegerNode> make_causal_convolution_node(const PrepareCall& call, const CausalSizes& sizes);

}  // namespace quantick
