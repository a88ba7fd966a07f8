#include "quantick/runtime/stream.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/boundary.h"

namespace quantick::runtime {
namespace {

// Bounds against typing errors; memory grows with both.
constexpr int64_t kMaxInstruments = int64_t{1} << 20;
constexpr int64_t kMaxWindow = int64_t{1} << 16;
// Instruments that run together: what kernels take in one pass over their weights.
constexpr int64_t kBlock = 64;
// Steps of a window that are replayed together.
constexpr int64_t kReplay = 64;
// Steps after which caches and branch predictors have nothing left to learn.
constexpr int kWarmSteps = 32;
constexpr int64_t kSpare = -1;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

StreamOptions checked(const Plan& plan, const StreamOptions& options) {
  QTK_CHECK(options.instruments >= 1 && options.instruments <= kMaxInstruments, ValueError,
            "[stream] instruments, was {}, expected 1..{}", options.instruments, kMaxInstruments);
  QTK_CHECK(options.window >= 0 && options.window <= kMaxWindow, ValueError, "[stream] window, was {}, expected 0..{}",
            options.window, kMaxWindow);
  QTK_CHECK(options.window == 0 || plan.values()[plan.input().value].sequence, ValueError,
            "[stream] window, was {}, expected 0: the model reads single steps", options.window);
  QTK_CHECK(options.window > 0 || !plan.needs_whole_window(), ValueError,
            "[stream] window, was 0, expected the model's window: it looks at later steps of a window (reversal, "
            "bidirectional layers, attention that is not causal), so its state cannot be carried");
  return options;
}

int64_t steps_at_once(const Plan& plan, const StreamOptions& options) {
  return plan.needs_whole_window() ? options.window : std::clamp<int64_t>(options.window - 1, 1, kReplay);
}

/// Rows of a batch of n, part after part, from or to where each instrument keeps its own.
template <class Own>
void move_rows(const std::vector<Runner::Part>& single, const std::vector<Runner::Part>& batch, int64_t n,
               std::byte* together, bool in, Own&& own) noexcept {
  for (size_t k = 0; k < batch.size(); ++k) {
    const auto bytes = static_cast<size_t>(batch[k].bytes);
    const int64_t from = single[k].row(1, 0);
    std::byte* to = together + batch[k].row(n, 0);
    for (int64_t r = 0; r < n; ++r, to += bytes)
      in ? std::memcpy(to, own(r) + from, bytes) : std::memcpy(own(r) + from, to, bytes);
  }
}

}  // namespace

std::string_view status_name(Status::Code code) {
  switch (code) {
    case Status::Code::ok:
      return "ok";
    case Status::Code::wrong_size:
      return "wrong size";
    case Status::Code::wrong_instrument:
      return "wrong instrument";
    case Status::Code::not_finite:
      return "not finite";
    default:
      return "warming up";
  }
}

Stream::Stream(const Program& program, const StreamOptions& options)
    : Stream(std::make_shared<const Plan>(program), options) {}

Stream::Stream(std::shared_ptr<const Plan> plan, const StreamOptions& options)
    : plan_(std::move(plan)),
      options_(checked(*plan_, options)),
      columns_(plan_->width(plan_->input().value)),
      width_(plan_->width(plan_->output())),
      input_bytes_(plan_->row_bytes(plan_->input().value)),
      whole_(plan_->needs_whole_window()),
      rejects_(plan_->input().missing == MissingPolicy::reject),
      halves_(false),
      one_(*plan_, steps_at_once(*plan_, options), 1),
      block_(*plan_, steps_at_once(*plan_, options), std::min(options.instruments, kBlock)),
      block_state_(block_.state_bytes()),
      block_pending_(block_.pending_bytes()),
      states_(std::make_shared<Arena>(options.instruments * one_.state_bytes())),
      windows_(std::make_shared<Windows>(options.instruments, options.window * input_bytes_)),
      spare_state_(one_.state_bytes()),
      spare_window_(1, options.window * input_bytes_),
      pendings_((options.instruments + 1) * one_.pending_bytes()),
      prepared_(static_cast<size_t>(options.instruments + 1), 0),
      everyone_(static_cast<size_t>(options.instruments)),
      marks_(static_cast<size_t>(options.instruments), 0),
      idle_features_(static_cast<size_t>(std::min(options.instruments, kBlock) * columns_), 0.0f),
      idle_out_(static_cast<size_t>(std::min(options.instruments, kBlock) * width_), 0.0f) {
  halves_ = !whole_ && (options.window > 0 || one_.pending_bytes() > 0);
  std::iota(everyone_.begin(), everyone_.end(), int64_t{0});
}

bool Stream::accepts(const Plan& plan) const {
  const auto format = [](const Plan& p) { return p.values()[p.input().value].format; };
  if (plan.width(plan.input().value) != columns_) return false;
  if (options_.window > 0)  // the state starts anew with each step; windows are kept as codes
    return format(plan) == format(*plan_) && plan.values()[plan.input().value].sequence;
  return !plan.needs_whole_window() && plan.same_state(*plan_);
}

void Stream::take_over(const Stream& running) {
  QTK_CHECK(options_.instruments == running.options_.instruments && options_.window == running.options_.window,
            ValueError, "[stream] instruments and window of the running stream, were {} and {}, expected {} and {}",
            running.options_.instruments, running.options_.window, options_.instruments, options_.window);
  QTK_CHECK(running.accepts(*plan_), ValueError,
            "[stream] states of the running stream, expected the same nodes with state as in the new model, or with a "
            "rolling window the same input");
  if (options_.window == 0) states_ = running.states_;
  windows_ = running.windows_;
  std::fill(prepared_.begin(), prepared_.end(), 0);
}

inline Stream::Row Stream::row(int64_t instrument) noexcept {
  const bool spare = instrument == kSpare;
  const int64_t i = spare ? 0 : instrument, own = spare ? options_.instruments : instrument;
  Windows& windows = spare ? spare_window_ : *windows_;
  return {(spare ? spare_state_ : *states_).data() + i * one_.state_bytes(),
          windows.rings.data() + i * options_.window * input_bytes_, pendings_.data() + own * one_.pending_bytes(),
          windows.progress.data() + i, prepared_.data() + own};
}

void Stream::move_states(const int64_t* instruments, int64_t n, bool in) noexcept {
  move_rows(one_.state_parts(), block_.state_parts(), n, block_state_.data(), in,
            [&](int64_t r) { return row(instruments[r]).state; });
}

void Stream::move_pending(const int64_t* instruments, int64_t n, bool in) noexcept {
  move_rows(one_.pending_parts(), block_.pending_parts(), n, block_pending_.data(), in,
            [&](int64_t r) { return row(instruments[r]).pending; });
}

/// Runs the newest `count` inputs of each window from a zero state.
void Stream::replay(const int64_t* instruments, int64_t n, int64_t count, const Runner& runner,
                    std::byte* state) noexcept {
  std::memset(state, 0, static_cast<size_t>(runner.state_bytes()));
  const int64_t most = steps_at_once(*plan_, options_);
  for (int64_t done = 0; done < count; done += most) {
    const int64_t here = std::min(most, count - done);
    std::byte* to = runner.input();
    for (int64_t t = 0; t < here; ++t)
      for (int64_t r = 0; r < n; ++r, to += input_bytes_) {
        const Row owner = row(instruments[r]);
        int64_t slot = owner.progress->newest - (count - 1 - done - t);
        if (slot < 0) slot += options_.window;
        std::memcpy(to, owner.ring + slot * input_bytes_, static_cast<size_t>(input_bytes_));
      }
    runner.run(here, n, state);
  }
}

void Stream::enter_rows(const float* x, int64_t n, const Runner& runner) noexcept {
  const ProgramInput& input = plan_->input();
  enter(x, n * columns_, input, plan_->values()[static_cast<size_t>(input.value)].format, runner.input(), plan_->isa());
}

void Stream::push(const int64_t* instruments, int64_t n, const std::byte* codes) noexcept {
  for (int64_t r = 0; r < n; ++r) {
    const Row owner = row(instruments[r]);
    Progress& progress = *owner.progress;
    if (++progress.newest == options_.window) progress.newest = 0;
    progress.seen = std::min(progress.seen + 1, options_.window);
    std::memcpy(owner.ring + progress.newest * input_bytes_, codes + r * input_bytes_,
                static_cast<size_t>(input_bytes_));
  }
}

/// A step whose output nobody wants: a rolling window computes nothing of it.
Status Stream::push_row(int64_t instrument, const float* x) noexcept {
  if (const int64_t column = rejects_ ? first_not_finite(x, columns_) : -1; column >= 0) {
    clear(instrument);
    return {Status::Code::not_finite, instrument, column};
  }
  enter_rows(x, 1, one_);
  push(&instrument, 1, one_.input());
  const Row own = row(instrument);
  *own.prepared = 0;
  if (own.progress->seen < options_.window) return {Status::Code::warming_up, instrument};
  return {};
}

void Stream::prepare_block(const int64_t* instruments, int64_t n) noexcept {
  if (!halves_) return;
  if (std::all_of(instruments, instruments + n, [&](int64_t i) { return *row(i).prepared != 0; })) return;
  const Row first = row(instruments[0]);
  const Runner& runner = n == 1 ? one_ : block_;
  std::byte *const state = n == 1 ? first.state : block_state_.data(), *const pending = n == 1 ? first.pending
                                                                                               : block_pending_.data();
  const bool rolling = options_.window > 0;
  if (rolling)
    replay(instruments, n, options_.window - 1, runner, state);
  else if (n > 1)
    move_states(instruments, n, true);
  runner.prepare(n, state, pending);
  if (n > 1 && rolling) move_states(instruments, n, false);
  if (n > 1) move_pending(instruments, n, false);
  for (int64_t r = 0; r < n; ++r) *row(instruments[r]).prepared = 1;
}

Status Stream::step_block(const int64_t* instruments, int64_t n, const float* x, float* out) noexcept {
  const Row first = row(instruments[0]);
  const Runner& runner = n == 1 ? one_ : block_;
  std::byte *const state = n == 1 ? first.state : block_state_.data(), *const pending = n == 1 ? first.pending
                                                                                               : block_pending_.data();
  const bool rolling = options_.window > 0;
  int64_t ready = 0;
  for (int64_t r = 0; r < n; ++r) ready += *row(instruments[r]).prepared;
  if (ready > 0 && ready < n)
    for (int64_t r = 0; r < n; ++r) prepare_block(instruments + r, 1);
  if (n > 1 && (ready > 0 || !rolling)) move_states(instruments, n, true);
  if (n > 1 && ready > 0) move_pending(instruments, n, true);
  if (rolling && !whole_ && ready == 0) replay(instruments, n, options_.window - 1, runner, state);

  enter_rows(x, n, runner);
  if (rolling) push(instruments, n, runner.input());
  if (whole_)
    replay(instruments, n, options_.window, runner, state);
  else if (ready > 0)
    runner.finish(n, state, pending);
  else
    runner.run(1, n, state);
  const ProgramValue& result = plan_->values()[static_cast<size_t>(plan_->output())];
  const int64_t last = whole_ && result.sequence ? (options_.window - 1) * n * plan_->row_bytes(plan_->output()) : 0;
  leave(runner.output() + last, n * width_, result.format, out, plan_->isa());
  if (n > 1 && !rolling) move_states(instruments, n, false);
  for (int64_t r = 0; r < n; ++r) *row(instruments[r]).prepared = 0;

  // What a rejected row computed is thrown away; rows do not mix.
  Status status;
  if (rejects_ && first_not_finite(x, n * columns_) >= 0)
    for (int64_t r = 0; r < n; ++r)
      if (const int64_t column = first_not_finite(x + r * columns_, columns_); column >= 0) {
        if (status.ok()) status = {Status::Code::not_finite, instruments[r], column};
        clear(instruments[r]);
        std::fill_n(out + r * width_, width_, kNan);
      }
  if (rolling)
    for (int64_t r = 0; r < n; ++r)
      if (row(instruments[r]).progress->seen < options_.window) {
        if (status.ok()) status = {Status::Code::warming_up, instruments[r]};
        std::fill_n(out + r * width_, width_, kNan);
      }
  return status;
}

Status Stream::step_rows(std::span<const int64_t> instruments, const float* features, float* out) noexcept {
  const FloatMode mode;
  const auto count = static_cast<int64_t>(instruments.size());
  Status status;
  for (int64_t first = 0; first < count; first += kBlock) {
    const Status one = step_block(instruments.data() + first, std::min(kBlock, count - first),
                                  features + first * columns_, out + first * width_);
    if (status.ok() || (status.code == Status::Code::warming_up && one.code == Status::Code::not_finite)) status = one;
  }
  return status;
}

Status Stream::step(std::span<const float> features, std::span<float> out) noexcept {
  const int64_t n = options_.instruments;
  if (static_cast<int64_t>(features.size()) != n * columns_ || static_cast<int64_t>(out.size()) != n * width_)
    return {Status::Code::wrong_size};
  return step_rows(everyone_, features.data(), out.data());
}

Status Stream::step(int64_t instrument, std::span<const float> features, std::span<float> out) noexcept {
  if (static_cast<int64_t>(features.size()) != columns_ || static_cast<int64_t>(out.size()) != width_)
    return {Status::Code::wrong_size};
  if (!valid(instrument)) return {Status::Code::wrong_instrument, instrument};
  const FloatMode mode;
  return step_block(&instrument, 1, features.data(), out.data());
}

bool Stream::none_or_twice(std::span<const int64_t> instruments, int64_t& bad) noexcept {
  if (++mark_ == 0) {  // after 2^32 calls
    std::fill(marks_.begin(), marks_.end(), 0);
    mark_ = 1;
  }
  for (const int64_t i : instruments) {
    if (!valid(i) || marks_[static_cast<size_t>(i)] == mark_) {
      bad = i;
      return true;
    }
    marks_[static_cast<size_t>(i)] = mark_;
  }
  return false;
}

Status Stream::step(std::span<const int64_t> instruments, std::span<const float> features,
                    std::span<float> out) noexcept {
  const auto n = static_cast<int64_t>(instruments.size());
  if (static_cast<int64_t>(features.size()) != n * columns_ || static_cast<int64_t>(out.size()) != n * width_)
    return {Status::Code::wrong_size};
  int64_t bad = 0;
  if (none_or_twice(instruments, bad)) return {Status::Code::wrong_instrument, bad};
  return step_rows(instruments, features.data(), out.data());
}

void Stream::prepare(int64_t instrument) noexcept {
  if (!valid(instrument)) return;
  const FloatMode mode;
  prepare_block(&instrument, 1);
}

void Stream::prepare() noexcept {
  const FloatMode mode;
  for (int64_t first = 0; first < options_.instruments; first += kBlock)
    prepare_block(everyone_.data() + first, std::min(kBlock, options_.instruments - first));
}

Status Stream::absorb(int64_t instrument, std::span<const float> features) noexcept {
  if (static_cast<int64_t>(features.size()) % columns_ != 0) return {Status::Code::wrong_size};
  if (!valid(instrument)) return {Status::Code::wrong_instrument, instrument};
  const FloatMode mode;
  Status status;
  for (size_t at = 0; at < features.size(); at += static_cast<size_t>(columns_))
    status = options_.window > 0 ? push_row(instrument, features.data() + at)
                                 : step_block(&instrument, 1, features.data() + at, idle_out_.data());
  return status;
}

void Stream::warm_up() noexcept {
  constexpr int64_t kSpares[2] = {kSpare, kSpare};
  clear(kSpare);
  for (int i = 0; i < kWarmSteps; ++i) {
    keep_warm();
    const FloatMode mode;
    step_block(kSpares, 1, idle_features_.data(), idle_out_.data());
    if (options_.instruments == 1) continue;
    prepare_block(kSpares, 2);
    step_block(kSpares, 2, idle_features_.data(), idle_out_.data());
  }
}

void Stream::keep_warm() noexcept {
  const FloatMode mode;
  prepare_block(&kSpare, 1);
  step_block(&kSpare, 1, idle_features_.data(), idle_out_.data());
}

void Stream::clear(int64_t instrument) noexcept {
  const Row r = row(instrument);
  std::memset(r.state, 0, static_cast<size_t>(one_.state_bytes()));
  r.progress->seen = 0;
  *r.prepared = 0;
}

void Stream::reset(int64_t instrument) noexcept {
  if (valid(instrument)) clear(instrument);
}

void Stream::reset() noexcept {
  for (const int64_t i : everyone_) clear(i);
}

}  // namespace quantick::runtime
