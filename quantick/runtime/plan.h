#pragma once
// A program made ready to run: nodes prepared (weights packed for the instruction set that is active now), and the
// arithmetic of where each value lies in an arena. Immutable, shared by any number of sessions, streams and threads. A
// Runner runs it.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/runtime/program.h"

namespace quantick::runtime {

class Plan {
 public:
  /// Throws what Program::check and the operators' prepare throw.
  explicit Plan(const Program& program);

  /// Offsets into an arena for up to `steps` x `batch` rows at a time.
  struct Layout {
    int64_t steps = 0, batch = 0;
    std::vector<int64_t> values;  ///< by value id, in bytes
    int64_t scratch = 0;
    int64_t arena_bytes = 0;
    std::vector<int64_t> states;  ///< by node, in bytes; counted in a memory of its own
    int64_t state_bytes = 0;
    std::vector<int64_t> pendings;  ///< the same of what the first half of a tick leaves
    int64_t pending_bytes = 0;
  };
  /// `keep_all` gives each value a place of its own, so that all can be read afterwards.
  Layout layout(int64_t steps, int64_t batch, bool keep_all = false) const;

  /// Whether states that `other` left mean the same to this plan: the same nodes with state, in the same order, each
  /// with the same layout and, where a state holds inputs, the same formats. Weights may differ.
  bool same_state(const Plan& other) const;

  const std::vector<ProgramValue>& values() const { return values_; }
  const ProgramInput& input() const { return input_; }
  int output() const { return output_; }
  Isa isa() const { return isa_; }
  size_t node_count() const { return steps_.size(); }
  /// See Program::needs_whole_window.
  bool needs_whole_window() const { return needs_whole_window_; }
  /// Channels of one row.
  int64_t width(int value) const { return widths_[value]; }
  /// Bytes of one row.
  int64_t row_bytes(int value) const { return widths_[value] * dtype_size(values_[value].format.dtype); }

 private:
  friend class Runner;
  struct Step {
    IntegerForm::Kind kind = IntegerForm::Kind::none;
    std::shared_ptr<const IntegerNode> node;  ///< null for last_step and passthrough
    std::vector<int> inputs;
    int output = -1;
  };
  /// What the meaning of one node's state depends on.
  struct StateMeaning {
    std::string op, method;
    Attributes attributes;
    std::vector<int64_t> parts;
    std::vector<TensorFormat> inputs;  ///< where the state holds some of them
    float unit = 0;                    ///< of a projected hidden state
    friend bool operator==(const StateMeaning&, const StateMeaning&) = default;
  };
  void add_meaning(const ProgramNode& node, const IntegerNode& prepared);
  int64_t rows(int value, int64_t steps, int64_t batch) const {
    return values_[value].sequence ? steps * batch : batch;
  }

  Isa isa_;
  std::vector<ProgramValue> values_;
  std::vector<int64_t> widths_;
  std::vector<int> root_;      ///< whose memory a value shares (passthrough)
  std::vector<int> last_use_;  ///< by root: the last step that reads it
  std::vector<Step> steps_;
  std::vector<StateMeaning> meanings_;
  ProgramInput input_;
  int output_ = -1;
  bool needs_whole_window_ = false;
};

}  // namespace quantick::runtime
