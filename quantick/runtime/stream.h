#pragma once
// Runs a program tick by tick, for a fixed number of instruments. After construction nothing allocates, locks, throws
// or calls the system.
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/runtime/plan.h"

namespace quantick::runtime {

/// What a tick call says instead of throwing.
struct Status {
  enum class Code {
    ok,
    wrong_size,  ///< a span's length is not instruments x columns
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

/// One thread at a time.
class Stream {
 public:
  /// Throws what Plan throws, and ValueError for options out of range.
  explicit Stream(const Program& program, const StreamOptions& options = {});

  /// features [instruments x columns] of the newest step, out [instruments x width of the output]. Only wrong_size
  /// leaves the step undone: else every row of out is written, NaN where an instrument has no output.
  Status step(std::span<const float> features, std::span<float> out) noexcept;

  /// Forgets everything about one instrument, or about all. An index outside the range changes nothing.
  void reset(int64_t instrument) noexcept;
  void reset() noexcept;

  int64_t instruments() const { return options_.instruments; }
  int64_t columns() const { return plan_.width(plan_.input().value); }
  int64_t output_width() const { return plan_.width(plan_.output()); }

 private:
  Status replay(std::span<float> out) noexcept;
  bool rejected(std::span<const float> features, int64_t instrument) const noexcept;

  Plan plan_;
  StreamOptions options_;
  Plan::Layout layout_;
  Arena arena_, state_;
  Arena ring_;                 ///< [window, instruments, columns] codes
  int64_t newest_ = 0;         ///< slot of the ring that was written last
  std::vector<int64_t> seen_;  ///< steps since the reset, by instrument; counts up to the window
};

}  // namespace quantick::runtime
