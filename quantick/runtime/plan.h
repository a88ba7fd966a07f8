#pragma once
// A program made ready to run: nodes prepared (weights packed for the instruction set that is active now), and the
// arithmetic of where each value lies in an arena. Immutable, shared by any number of sessions, streams and threads.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/runtime/program.h"

namespace quantick::runtime {

/// Memory aligned for the widest vectors.
class Arena {
 public:
  explicit Arena(int64_t bytes);
  std::byte* data() { return data_.get(); }
  void clear();  ///< zeros

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  int64_t bytes_;
  std::unique_ptr<std::byte[], Free> data_;
};

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
  };
  /// `keep_all` gives each value a place of its own, so that all can be read afterwards.
  Layout layout(int64_t steps, int64_t batch, bool keep_all = false) const;

  /// Runs the nodes on `steps` <= layout.steps and `batch` <= layout.batch. The input's codes lie at
  /// layout.values[input]; the output's are found at layout.values[output]. State is carried from call to call, zeros
  /// at the start; its batch must stay the same. The caller sets the float mode. No allocation, lock or system call.
  /// `counters`, where given, has an entry per node, to which its events are added; slower.
  void run(const Layout& layout, int64_t steps, int64_t batch, std::byte* arena, std::byte* state,
           NodeCounters* counters = nullptr) const noexcept;

  /// Puts one row of a batch's state back to the start.
  void reset_state(const Layout& layout, int64_t batch, int64_t row, std::byte* state) const noexcept;

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
  struct Step {
    IntegerForm::Kind kind = IntegerForm::Kind::none;
    std::shared_ptr<const IntegerNode> node;  ///< null for last_step and passthrough
    std::vector<int> inputs;
    int output = -1;
  };
  int64_t rows(int value, int64_t steps, int64_t batch) const {
    return values_[value].sequence ? steps * batch : batch;
  }

  Isa isa_;
  std::vector<ProgramValue> values_;
  std::vector<int64_t> widths_;
  std::vector<int> root_;      ///< whose memory a value shares (passthrough)
  std::vector<int> last_use_;  ///< by root: the last step that reads it
  std::vector<Step> steps_;
  ProgramInput input_;
  int output_ = -1;
  bool needs_whole_window_ = false;
};

}  // namespace quantick::runtime
