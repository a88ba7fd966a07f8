#pragma once
// Builds a program node by node through the operators' own lowering. quant uses it on graphs, tests and equality checks
// on programs made by hand.
#include <map>
#include <string>
#include <vector>

#include "quantick/ops/operator.h"
#include "quantick/runtime/program.h"

namespace quantick::runtime {

/// What add_node takes beside the operator.
struct NodeSpec {
  Attributes attributes;
  std::string layer;
  std::string name;         ///< of the output
  std::vector<int> inputs;  ///< data inputs, ids from this builder
  /// float32, in the order of the operator's inputs after the data; undefined: left out. Where some data inputs are
  /// constants (x + 1): one entry per input of the operator, undefined for what `inputs` lists.
  Arrays parameters;
  Shape channels;       ///< of one output row
  TensorFormat output;  ///< wanted; used where the operator leaves the choice
  Precision precision;
};

/// The format that an operator's output gets, given the wanted one and that of its first input: the latter where it
/// moves the codes of one tensor, not of several. A known range (sigmoid) gives way where more bits than its format has
/// are wanted; layers that do not multiply integers of known scale give float32.
TensorFormat output_format(const Operator& op, const TensorFormat& first_input, const TensorFormat& wanted,
                           const Precision& precision);

class ProgramBuilder {
 public:
  int add_input(const std::string& name, const TensorFormat& format, const Shape& channels, bool sequence);
  /// Runs the operator's lowering. Throws UnsupportedError where it has no fixed-bits form.
  int add_node(const Operator& op, const NodeSpec& spec);
  ProgramInput& input() { return program_.inputs.at(0); }
  std::map<std::string, std::string>& metadata() { return program_.metadata; }
  const ProgramValue& value(int id) const { return program_.values.at(id); }
  /// Names the output and checks everything.
  Program finish(int output, const std::string& name);

 private:
  Program program_;
};

}  // namespace quantick::runtime
