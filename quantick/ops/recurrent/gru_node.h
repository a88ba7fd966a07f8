#pragma once
// The GRU inside a fixed-bits program (docs/numerics.md, section 5): the operator's row stands in gru.cc.
#include <memory>
#include <vector>

#include "quantick/ops/integer_form.h"

namespace quantick {

/// Constants of a node. Throws UnsupportedError for an initial state, ValueError for widths and scales out of range.
std::vector<NamedArray> lower_gru(const LowerCall& call);

/// Throws FormatError where constants and formats do not fit.
std::unique_ptr<IntegerNode> prepare_gru(const PrepareCall& call);

}  // namespace quantick
