#pragma once
// Programs with random weights, made through the operators' own lowering: for equality checks, tests and benchmarks.
#include "quantick/runtime/program.h"

namespace quantick::runtime {

/// One Dense layer on frames: [batch, columns] int8 or int16 (`bits`) to [batch, rows] of the same width, with free
/// scales and zero points per seed.
Program random_dense(int64_t columns, int64_t rows, int bits, uint64_t seed);

struct RandomLstm {
  int64_t features = 24, units = 32, layers = 2;
  int64_t outputs = 4;     ///< of the head; 0: no head, the hidden states of the last layer are the output
  bool last_only = false;  ///< the newest step's output alone
};
/// `layers` LSTM layers and a Dense head with float32 outputs, on sequences of int8 features.
Program random_lstm(const RandomLstm& options, uint64_t seed);

/// Random inputs over the range of a program's input grid and a little beyond: [steps, batch, features], or
/// [batch, features] for frames.
Array random_input(const Program& program, int64_t steps, int64_t batch, uint64_t seed);

}  // namespace quantick::runtime
