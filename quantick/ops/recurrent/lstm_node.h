#pragma once
// The LSTM inside a fixed-bits program (docs/numerics.md, section 4): the operator's row stands in lstm.cc.
#include <memory>
#include <vector>

#include "quantick/ops/integer_form.h"

namespace quantick {

// Constants of a node. Throws UnsupportedError for initial states, ValueError for widths and scales out of range.
std::vector<NamedArray> lower_lstm(const LowerCall& call);
std::vector<NamedArray> lower_lstm_projection(const LowerCall& call);

// Throws FormatError where constants and formats do not fit.
std::unique_ptr<IntegerNode> prepare_lstm(const PrepareCall& call);
std::unique_ptr<IntegerNode> prepare_lstm_projection(const PrepareCall& call);

}  // namespace quantick
