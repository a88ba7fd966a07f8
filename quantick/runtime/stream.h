#pragma once
// Runs a program tick by tick, for a fixed number of instruments. After construction nothing allocates, locks, throws
// or calls the system.
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/runtime/runner.h"

namespace quantick::runtime {

/// What a tick call says instead of throwing.
struct Status {
  enum class Code {
    ok,
    wrong_size,        ///< a span's length is not rows x columns
    wrong_instrument,  ///< an index outside the range, or the same one twice
    /// NaN or infinity where the program rejects it. Each instrument that has one starts anew, as a gap breaks its
    /// window in a batch, and its outputs are NaN; the others were stepped as if it had none.
    not_finite,
    warming_up,  ///< rolling window: an instrument has seen too few steps since its start, its outputs are NaN
  };
  Code code = Code::ok;
  int64_t instrument = -1;  ///< the first one concerned; not_finite goes before warming_up
  int64_t column = -1;      ///< of the first NaN or infinity
  bool ok() const { return code == Code::ok; }
};

std::string_view status_name(Status::Code code);

struct StreamOptions {
  int64_t instruments = 1;
  /// 0: the state is carried from the start (or the last reset) on. Else each step replays the last `window` inputs
  /// from a zero state, as a Session does with that window.
  int64_t window = 0;
};

/// Many instruments as many states over one set of weights. One thread at a time; streams of several threads may share
/// a plan.
class Stream {
 public:
  /// Throws what Plan throws, and ValueError for options out of range.
  explicit Stream(const Program& program, const StreamOptions& options = {});
  explicit Stream(std::shared_ptr<const Plan> plan, const StreamOptions& options = {});

  /// Whether a stream of that plan could take over the instruments of this one: nodes with state that mean the same by
  /// it or, with a rolling window, the same format of the input.
  bool accepts(const Plan& plan) const;
  /// Goes on with the instruments of a running stream of the same options, their states and windows, which it accepts;
  /// own ones are forgotten. Once an instrument of this stream is touched, `running` may only be destroyed; until then
  /// another thread may step it. Throws ValueError where running.accepts() is false or the options differ.
  void take_over(const Stream& running);

  /// features [instruments x columns] of the newest step, out [instruments x width of the output]. Only wrong_size and
  /// wrong_instrument leave the step undone: else every row of out is written, NaN where an instrument has no output.
  Status step(std::span<const float> features, std::span<float> out) noexcept;
  /// One instrument ticks: features [columns], out [width].
  Status step(int64_t instrument, std::span<const float> features, std::span<float> out) noexcept;
  /// Those that tick together, each at most once, in any order: features [k x columns], out [k x width].
  Status step(std::span<const int64_t> instruments, std::span<const float> features, std::span<float> out) noexcept;

  /// Does ahead of the next tick all that does not depend on it (recurrent products, older taps of causal
  /// convolutions, all but the newest step of a rolling window), for one instrument or for all; the next step then
  /// takes less time and gives the same bits. An index outside the range changes nothing.
  void prepare(int64_t instrument) noexcept;
  void prepare() noexcept;

  /// Past steps of one instrument, oldest first, whose outputs nobody wants: [k x columns]. Leaves what k calls of step
  /// would leave. The status is that of the last step.
  Status absorb(int64_t instrument, std::span<const float> features) noexcept;

  /// Runs some steps on a state of its own: weights, code and tables come into the caches, branches are learnt, and
  /// the first tick is as fast as the hundredth. No instrument is changed.
  void warm_up() noexcept;
  /// The same, one step long: for the pauses between ticks.
  void keep_warm() noexcept;

  /// Forgets everything about one instrument, or about all. An index outside the range changes nothing.
  void reset(int64_t instrument) noexcept;
  void reset() noexcept;

  int64_t instruments() const { return options_.instruments; }
  int64_t columns() const { return columns_; }
  int64_t output_width() const { return width_; }
  const Plan& plan() const { return *plan_; }
  const StreamOptions& options() const { return options_; }

 private:
  struct Progress {
    int64_t newest = 0;  ///< slot of the window's ring that was written last
    int64_t seen = 0;    ///< steps since the reset; counts up to the window
  };
  struct Windows {
    Windows(int64_t rows, int64_t bytes) : rings(rows * bytes), progress(static_cast<size_t>(rows)) {}
    Arena rings;  ///< [rows, window, columns] codes
    std::vector<Progress> progress;
  };
  struct Row {
    std::byte *state, *ring, *pending;
    Progress* progress;
    uint8_t* prepared;
  };

  bool valid(int64_t instrument) const noexcept { return instrument >= 0 && instrument < options_.instruments; }
  Row row(int64_t instrument) noexcept;
  bool none_or_twice(std::span<const int64_t> instruments, int64_t& bad) noexcept;
  Status step_rows(std::span<const int64_t> instruments, const float* features, float* out) noexcept;
  Status step_block(const int64_t* instruments, int64_t n, const float* features, float* out) noexcept;
  void prepare_block(const int64_t* instruments, int64_t n) noexcept;
  void replay(const int64_t* instruments, int64_t n, int64_t count, const Runner& runner, std::byte* state) noexcept;
  void enter_rows(const float* features, int64_t n, const Runner& runner) noexcept;
  Status push_row(int64_t instrument, const float* features) noexcept;
  void push(const int64_t* instruments, int64_t n, const std::byte* codes) noexcept;
  void clear(int64_t instrument) noexcept;
  void move_states(const int64_t* instruments, int64_t n, bool in) noexcept;
  void move_pending(const int64_t* instruments, int64_t n, bool in) noexcept;

  std::shared_ptr<const Plan> plan_;
  StreamOptions options_;
  int64_t columns_, width_, input_bytes_;
  bool whole_, rejects_, halves_;
  Runner one_, block_;  ///< for one instrument, and for those that tick together
  Arena block_state_, block_pending_;
  std::shared_ptr<Arena> states_;  ///< of each instrument, as a batch of one
  std::shared_ptr<Windows> windows_;
  Arena spare_state_;  ///< of the row that warm_up() steps
  Windows spare_window_;
  Arena pendings_;  ///< of all instruments and the spare row
  std::vector<uint8_t> prepared_;
  std::vector<int64_t> everyone_;
  std::vector<uint32_t> marks_;  ///< by instrument: the last call that named it
  uint32_t mark_ = 0;
  std::vector<float> idle_features_, idle_out_;
};

}  // namespace quantick::runtime
