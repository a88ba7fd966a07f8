#pragma once
// A plan with memory of its own for up to a number of rows, and every address worked out: what runs a program.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "quantick/runtime/plan.h"

namespace quantick::runtime {

/// Memory aligned for the widest vectors; zeros at the start.
class Arena {
 public:
  explicit Arena(int64_t bytes);
  std::byte* data() const { return data_.get(); }
  int64_t size() const { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  int64_t bytes_;
  std::unique_ptr<std::byte[], Free> data_;
};

/// One thread at a time. The state is the caller's: state_bytes() of zeros at the start, carried from call to call as
/// long as the batch stays the same. The caller sets the float mode (core/float_mode.h). Runs neither allocate nor lock
/// nor call the system.
class Runner {
 public:
  /// For up to `steps` x `batch` rows at a time; the plan must outlive it. Throws what Plan::layout throws.
  Runner(const Plan& plan, int64_t steps, int64_t batch, bool keep_all = false);

  /// Reads input(), leaves the codes in output(). `counters`, where given, has an entry per node, to which its events
  /// are added; slower.
  void run(int64_t steps, int64_t batch, std::byte* state, NodeCounters* counters = nullptr) const noexcept;

  /// One step in halves, with the bits of run(): the first needs no input and leaves what it has in `pending`
  /// (pending_bytes()), the second reads it. Between them the state must stay as it is.
  void prepare(int64_t batch, std::byte* state, std::byte* pending) const noexcept;
  void finish(int64_t batch, std::byte* state, std::byte* pending) const noexcept;

  std::byte* input() const { return input_; }
  const std::byte* output() const { return output_; }
  /// Of any value; all of them can be read after a run with keep_all.
  const std::byte* value(int id) const { return arena_.data() + values_[static_cast<size_t>(id)]; }

  int64_t state_bytes() const { return state_bytes_; }
  int64_t pending_bytes() const { return pending_bytes_; }

  /// One part of what each row owns. Row r of a batch of n lies at `at + n * before + r * bytes`.
  struct Part {
    int64_t at = 0, before = 0, bytes = 0;
    int64_t row(int64_t n, int64_t r) const { return at + n * before + r * bytes; }
  };
  const std::vector<Part>& state_parts() const { return states_; }
  const std::vector<Part>& pending_parts() const { return pendings_; }

 private:
  struct Node {
    const IntegerNode* node = nullptr;  ///< null: hands on the newest step
    const void* const* inputs = nullptr;
    size_t input_count = 0;
    std::byte* output = nullptr;
    int64_t state = 0, pending = 0;
    int64_t width = 0, bytes = 0;          ///< of one row of the output
    const TensorFormat* settle = nullptr;  ///< where codes must still be clamped or rounded
    bool sequence = false, halves = false;
    size_t index = 0;
  };
  template <class Act>
  void each(int64_t steps, int64_t batch, std::byte* state, Act&& act) const noexcept;

  Arena arena_;
  std::vector<int64_t> values_;
  std::vector<const void*> inputs_;  ///< of all nodes
  std::vector<Node> nodes_;
  std::vector<Node> halves_;  ///< those with a first half
  std::vector<Part> states_, pendings_;
  std::byte *input_ = nullptr, *output_ = nullptr, *scratch_ = nullptr;
  int64_t state_bytes_ = 0, pending_bytes_ = 0;
};

}  // namespace quantick::runtime
