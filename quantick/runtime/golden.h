#pragma once
// Golden vectors: a JSON file of cases (inputs, parameters, results in bits) that every engine of the contract must
// reproduce (docs/numerics.md). The reader takes any file of that form, whatever its seed and shapes.
#include <cstdint>
#include <string>
#include <vector>

namespace quantick::runtime {

/// One case on one instruction set, run in every form that it allows (8- and 16-bit x, whole window, single steps, rows
/// of the batch by themselves); an output differs where any form does.
struct GoldenResult {
  int64_t index = -1;  // of the case in the file; -1 for the two activation tables
  std::string kind;    // "dense", "lstm", "gru", "add", or an operator's name; "sigmoid", "tanh" for the tables
  std::string isa;     // "scalar", "avx2", ...; "" for a table
  int64_t compared = 0;
  int64_t differing = 0;
};

/// A case that this version does not run.
struct GoldenRefusal {
  int64_t index = 0;
  std::string kind;
  std::string reason;
};

struct GoldenReport {
  std::string path;
  int64_t cases = 0;  // in the file
  std::vector<GoldenResult> results;
  std::vector<GoldenRefusal> refused;

  int64_t compared() const;
  int64_t differing() const;
  /// Cases that ran on every instruction set of this processor.
  int64_t run() const { return cases - static_cast<int64_t>(refused.size()); }
  /// At least one case ran and nothing differed. Refused cases were not checked; verdict() says how many and which.
  bool passed() const { return run() > 0 && differing() == 0; }
  /// "passed"; "passed, 4 of 38 not checked: conv1d, embedding"; "FAILED, no case was run, 3 of 3 not checked: conv1d".
  std::string verdict() const;
};

/// Runs every case of a built kind on every instruction set of this processor. Throws IoError for an unreadable file
/// and ParseError that names file, case and field for a malformed one.
GoldenReport check_golden(const std::string& path);

/// Writes cases of our own, computed by the scalar oracle: tails, ties, saturation, sums past int32, narrow widths,
/// slow, growing and dying memory: what wrong kernels get wrong. The same seed gives the same bytes.
void write_golden(const std::string& path, uint64_t seed);

}  // namespace quantick::runtime
