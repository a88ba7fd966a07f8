#pragma once
// A fixed-bits program: the quantized model as plain data. Its meaning is docs/numerics.md; a Session runs windows, a
// Stream runs ticks, model_file keeps it on disk.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "quantick/ops/integer_form.h"
#include "quantick/tensor/array.h"
#include "quantick/tensor/quantization.h"

namespace quantick::runtime {

/// Inputs of one node at most.
inline constexpr int kMaxNodeInputs = 64;

/// What happens to a NaN or an infinity at a program's input (docs/numerics.md, section 13).
enum class MissingPolicy {
  reject,  ///< a session throws an error that names the place; a stream leaves the instrument out and says so
  fill,    ///< replaced by the input's fill value, which lies on the grid
};

/// "reject", "fill".
std::string_view missing_policy_name(MissingPolicy policy);
/// Throws ValueError for an unknown name and UnsupportedError for one that this version does not have.
MissingPolicy missing_policy_from_name(std::string_view name);

/// One tensor: [steps, batch, channels...] where `sequence` is true, else [batch, channels...].
struct ProgramValue {
  std::string name;
  TensorFormat format;
  Shape channels;
  bool sequence = false;
  friend bool operator==(const ProgramValue&, const ProgramValue&) = default;
};

struct ProgramNode {
  std::string op;     ///< registry name
  std::string layer;  ///< block path
  Attributes attributes;
  std::vector<int> inputs;  ///< indices into Program::values
  int output = -1;
  std::vector<NamedArray> constants;
  Precision precision;
};

struct ProgramInput {
  int value = -1;
  std::vector<std::string> columns;  ///< feature names, one per channel, or empty
  MissingPolicy missing = MissingPolicy::reject;
  float fill = 0;
  friend bool operator==(const ProgramInput&, const ProgramInput&) = default;
};

struct ProgramOutput {
  int value = -1;
  std::string name;
  friend bool operator==(const ProgramOutput&, const ProgramOutput&) = default;
};

struct Program {
  std::vector<ProgramValue> values;
  std::vector<ProgramNode> nodes;  ///< in the order in which they run
  std::vector<ProgramInput> inputs;
  std::vector<ProgramOutput> outputs;
  /// What a user needs to rebuild the inputs and to trace the model: training data hash, versions, label, scaler.
  std::map<std::string, std::string> metadata;

  const ProgramValue& input() const { return values[inputs[0].value]; }
  const ProgramValue& output() const { return values[outputs[0].value]; }

  /// Throws ValueError where an index, a format, an order or a size is wrong, and UnsupportedError for anything but one
  /// input and one output. Everything that takes a program calls it.
  void check() const;
  /// One line per value and node, for people.
  std::string text() const;
  /// Bytes of all constants.
  int64_t constant_bytes() const;
  /// Whether some node needs all steps of a window at once, so that no state can be carried from step to step.
  bool needs_whole_window() const;
};

/// Same structure, same metadata, same bits of every constant.
bool operator==(const Program& a, const Program& b);

}  // namespace quantick::runtime
