#pragma once
// Convolutions as nodes of a fixed-bits program (docs/numerics.md, section 8).
#include <memory>

#include "quantick/ops/convolution/windows.h"
#include "quantick/ops/integer_form.h"

namespace quantick {

/// Frames [batch, channels, width] or [batch, channels, height, width]; padding reads the zero point.
std::unique_ptr<IntegerNode> make_convolution_node(const PrepareCall& call, const Windows& windows, int64_t groups);

/// Sequences [steps, batch, channels]. State of a batch row: the last (taps - 1) * dilation rows of x, as differences
/// from the zero point, so that zeros are what lies before the start; with method dynamic_decay, the largest
/// magnitudes.
std::unique_ptr<IntegerNode> make_causal_convolution_node(const PrepareCall& call, int64_t taps, int64_t dilation,
                                                          int64_t groups);

}  // namespace quantick
