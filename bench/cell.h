#pragma once
// The exact cell of a quantized LSTM layer alone, which a step hides behind its products as far as it can.
#include <cstdint>

namespace quantick::bench {

/// Median nanoseconds of the cell of `units` units of one row, with hardly any product beside it.
double lstm_cell_ns(int64_t units);

}  // namespace quantick::bench
