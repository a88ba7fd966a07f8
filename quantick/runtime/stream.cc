#include "quantick/runtime/stream.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"
#include "quantick/runtime/boundary.h"

namespace quantick::runtime {
namespace {

// Bounds against typing errors; memory grows with both.
constexpr int64_t kMaxInstruments = int64_t{1} << 20;
constexpr int64_t kMaxWindow = int64_t{1} << 16;

StreamOptions checked(const Program& program, const StreamOptions& options) {
  program.check();
  QTK_CHECK(options.instruments >= 1 && options.instruments <= kMaxInstruments, ValueError,
            "[stream] instruments, was {}, expected 1..{}", options.instruments, kMaxInstruments);
  QTK_CHECK(options.window >= 0 && options.window <= kMaxWindow, ValueError, "[stream] window, was {}, expected 0..{}",
            options.window, kMaxWindow);
  QTK_CHECK(options.window == 0 || program.input().sequence, ValueError,
            "[stream] window, was {}, expected 0: the model reads single steps", options.window);
  QTK_CHECK(options.window > 0 || !program.needs_whole_window(), ValueError,
            "[stream] window, was 0, expected the model's window: it looks at later steps of a window (reversal, "
            "bidirectional layers, attention that is not causal), so its state cannot be carried");
  return options;
}

}  // namespace

std::string_view status_name(Status::Code code) {
  switch (code) {
    case Status::Code::ok:
      return "ok";
    case Status::Code::wrong_size:
      return "wrong size";
    case Status::Code::not_finite:
      return "not finite";
    default:
      return "warming up";
  }
}

Stream::Stream(const Program& program, const StreamOptions& options)
    : plan_(program),
      options_(checked(program, options)),
      layout_(plan_.layout(std::max<int64_t>(1, options.window), options.instruments)),
      arena_(layout_.arena_bytes),
      state_(layout_.state_bytes),
      ring_(options.window * options.instruments * plan_.row_bytes(plan_.input().value)),
      seen_(static_cast<size_t>(options.instruments), 0) {
  reset();
}

Status Stream::step(std::span<const float> features, std::span<float> out) noexcept {
  const int64_t n = options_.instruments, width = columns();
  if (static_cast<int64_t>(features.size()) != n * width || static_cast<int64_t>(out.size()) != n * output_width())
    return {Status::Code::wrong_size};
  const FloatMode mode;
  Status status;
  int64_t rejected_from = n;  // no instrument before it is rejected
  if (plan_.input().missing == MissingPolicy::reject)
    if (const int64_t bad = first_not_finite(features.data(), n * width); bad >= 0) {
      rejected_from = bad / width;
      status = {Status::Code::not_finite, bad / width, bad % width};
    }
  const int in = plan_.input().value;
  const TensorFormat& format = plan_.values()[in].format;
  if (options_.window > 0) {
    newest_ = (newest_ + 1) % options_.window;
    enter(features.data(), n * width, plan_.input(), format, ring_.data() + newest_ * n * plan_.row_bytes(in),
          plan_.isa());
    for (int64_t& seen : seen_) seen = std::min(seen + 1, options_.window);
    for (int64_t i = rejected_from; i < n; ++i)
      if (rejected(features, i)) seen_[i] = 0;
    const Status warm = replay(out);
    return status.ok() ? warm : status;
  }
  // What a rejected row computes is thrown away; rows do not mix.
  enter(features.data(), n * width, plan_.input(), format, arena_.data() + layout_.values[in], plan_.isa());
  plan_.run(layout_, 1, n, arena_.data(), state_.data());
  leave(arena_.data() + layout_.values[plan_.output()], n * output_width(), plan_.values()[plan_.output()].format,
        out.data(), plan_.isa());
  for (int64_t i = rejected_from; i < n; ++i)
    if (rejected(features, i)) {
      reset(i);
      std::fill_n(out.data() + i * output_width(), output_width(), std::numeric_limits<float>::quiet_NaN());
    }
  return status;
}

bool Stream::rejected(std::span<const float> features, int64_t instrument) const noexcept {
  return first_not_finite(features.data() + instrument * columns(), columns()) >= 0;
}

Status Stream::replay(std::span<float> out) noexcept {
  const int64_t n = options_.instruments, window = options_.window, oldest = (newest_ + 1) % window;
  const int in = plan_.input().value, result = plan_.output();
  const auto step_bytes = static_cast<size_t>(n * plan_.row_bytes(in));
  std::byte* x = arena_.data() + layout_.values[in];
  std::memcpy(x, ring_.data() + oldest * step_bytes, (window - oldest) * step_bytes);
  std::memcpy(x + (window - oldest) * step_bytes, ring_.data(), oldest * step_bytes);
  state_.clear();
  plan_.run(layout_, window, n, arena_.data(), state_.data());
  const int64_t last = plan_.values()[result].sequence ? (window - 1) * n * plan_.row_bytes(result) : 0;
  leave(arena_.data() + layout_.values[result] + last, n * output_width(), plan_.values()[result].format, out.data(),
        plan_.isa());
  Status status;
  for (int64_t i = 0; i < n; ++i) {
    if (seen_[i] == window) continue;
    std::fill_n(out.data() + i * output_width(), output_width(), std::numeric_limits<float>::quiet_NaN());
    if (status.ok()) status = {Status::Code::warming_up, i};
  }
  return status;
}

void Stream::reset(int64_t instrument) noexcept {
  if (instrument < 0 || instrument >= options_.instruments) return;
  seen_[instrument] = 0;
  plan_.reset_state(layout_, options_.instruments, instrument, state_.data());
}

void Stream::reset() noexcept {
  std::fill(seen_.begin(), seen_.end(), 0);
  state_.clear();
}

}  // namespace quantick::runtime
