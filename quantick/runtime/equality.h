#pragma once
// The rows of docs/numerics.md, section 11, measured on this machine: `quantick check bits` prints them.
#include <cstdint>
#include <string>
#include <vector>

#include "quantick/runtime/program.h"

namespace quantick::runtime {

struct EqualityOptions {
  /// Values compared in each row of a single operator, at least; an eighth in those of micro-batches and
  /// single runs.
  int64_t outputs = 1'000'000;
  int64_t lstm_steps = 100'000;  ///< steps of the model in each LSTM row, at least, over all instruments
  uint64_t seed = 1;             ///< of weights and inputs
  int threads = 2;               ///< of the rows "1 thread = n threads"
};

struct EqualityRow {
  std::string name;            ///< "gru int8: scalar = avx512vnni", "lstm hidden, avx2: 1 thread = 2 threads"
  int64_t outputs = 0;         ///< values compared
  int64_t differing_bits = 0;  ///< in all of them
};

/// The rows of one program that is at hand, on random inputs.
std::vector<EqualityRow> check_equality(const std::string& name, const Program& program,
                                        const EqualityOptions& options = {});

/// Builds random models through the operators' own lowering and compares; one row per pair that must be equal, on each
/// instruction set of this processor: for Dense and for every operator of the registry that has fixed bits, in int8, in
/// int16 and with dynamic scales, and for stacked LSTMs, of which all hidden states and the outputs of a head are
/// compared. Throws ValueError for options that are not positive. Restores thread count and instruction set. Not thread
/// safe.
std::vector<EqualityRow> run_equality_checks(const EqualityOptions& options = {});

}  // namespace quantick::runtime
