#include "quantick/runtime/equality.h"

#include <unistd.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <utility>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/random_operator.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

namespace quantick::runtime {
namespace {

constexpr int64_t kColumns = 67, kRows = 129;  // odd, so that every kernel meets its tails
constexpr int64_t kInstruments = 3;
constexpr int64_t kOperatorSteps = 37;
constexpr int64_t kTickRows = 67;  // more than run together
constexpr int64_t kRolling = 5, kShare = 8;

EqualityRow compare(std::string name, const Array& a, const Array& b) {
  QTK_ASSERT(a.type() == b.type() && a.is_contiguous() && b.is_contiguous());
  EqualityRow row{std::move(name), a.size(), 0};
  const int64_t bytes = a.size() * dtype_size(a.dtype());
  for (int64_t i = 0; i < bytes; ++i)
    row.differing_bits += std::popcount(static_cast<unsigned>(a.raw()[i] ^ b.raw()[i]) & 0xffu);
  return row;
}

/// The thread count for a scope.
class Threads {
 public:
  explicit Threads(int count) : before_(thread_count()) { set_thread_count(count); }
  ~Threads() { set_thread_count(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

Array by_single_rows(const Session& session, const Array& x) {
  const Plan& plan = session.plan();
  const auto axis_of = [&](int value) { return plan.values()[static_cast<size_t>(value)].sequence ? 1 : 0; };
  const int from = axis_of(plan.input().value), to = axis_of(plan.output());
  Array out;
  for (int64_t n = 0; n < x.shape()[from]; ++n) {
    const Array one = session.run_codes(x.slice(from, n, n + 1).contiguous());
    if (!out.defined()) {
      Shape shape = one.shape();
      shape[to] = x.shape()[from];
      out = Array::empty(shape, one.dtype());
    }
    out.slice(to, n, n + 1).assign(one);
  }
  return out;
}

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// How a stream is stepped; the bits must not show it.
enum class Ticks {
  together,  ///< all instruments at each step
  prepared,  ///< the same, each step in two halves
  mixed,     ///< each instrument at its own pace, in random micro-batches and orders, some prepared and some not
};

/// Outputs of every step, [steps, batch, width].
Array by_steps(const std::shared_ptr<const Plan>& plan, const Array& x, int64_t window, Ticks ticks, const Key& key) {
  const int64_t steps = x.shape()[0], batch = x.shape()[1];
  Stream stream(plan, {.instruments = batch, .window = window});
  const int64_t columns = stream.columns(), width = stream.output_width();
  Array out = Array::empty(Shape{steps, batch, width});
  const float* from = x.data<float>();
  float* to = out.mutable_data<float>();
  const auto some = [](auto* data, int64_t n) { return std::span(data, static_cast<size_t>(n)); };
  const auto check = [](const Status& s) { QTK_ASSERT(s.ok() || s.code == Status::Code::warming_up); };
  if (ticks != Ticks::mixed) {
    for (int64_t t = 0; t < steps; ++t) {
      if (ticks == Ticks::prepared) stream.prepare();
      check(
          stream.step(some(from + t * batch * columns, batch * columns), some(to + t * batch * width, batch * width)));
    }
    return out;
  }
  std::vector<int64_t> at(static_cast<size_t>(batch), 0), waiting(static_cast<size_t>(batch));
  std::iota(waiting.begin(), waiting.end(), int64_t{0});
  std::vector<float> rows(static_cast<size_t>(batch * columns)), results(static_cast<size_t>(batch * width));
  for (uint64_t draw = 0; !waiting.empty();) {
    // The first n of a fresh order; one of three times a single one.
    const auto left = static_cast<int64_t>(waiting.size());
    const int64_t n = key.below(draw++, 3) == 0 ? 1 : 1 + static_cast<int64_t>(key.below(draw++, waiting.size()));
    for (int64_t k = 0; k < n; ++k)
      std::swap(waiting[k], waiting[k + static_cast<int64_t>(key.below(draw++, static_cast<uint64_t>(left - k)))]);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = waiting[k];
      std::copy_n(from + (at[i] * batch + i) * columns, columns, rows.data() + k * columns);
      if (key.below(draw++, 3) == 0) stream.prepare(i);
    }
    const auto features = some(std::as_const(rows).data(), n * columns);
    const auto outputs = some(results.data(), n * width);
    check(n == 1 ? stream.step(waiting[0], features, outputs)
                 : stream.step(some(std::as_const(waiting).data(), n), features, outputs));
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = waiting[k];
      std::copy_n(results.data() + k * width, width, to + (at[i]++ * batch + i) * width);
    }
    std::erase_if(waiting, [&](int64_t i) { return at[i] == steps; });
  }
  return out;
}

/// The output of every window of x, by its last step and its row: [steps - window + 1, batch, width].
Array by_windows(const Session& session, const Array& x, int64_t window) {
  const int64_t steps = x.shape()[0], batch = x.shape()[1], ends = steps - window + 1, row = x.size() / steps;
  Shape shape = x.shape();
  shape[0] = window, shape[1] = ends * batch;
  Array windows = Array::empty(shape);
  for (int64_t t = 0; t < window; ++t)
    std::copy_n(x.data<float>() + t * row, ends * row, windows.mutable_data<float>() + t * ends * row);
  Array out = session.run(windows);
  const Plan& plan = session.plan();
  if (plan.values()[plan.output()].sequence) out = out.slice(0, window - 1, window).contiguous();
  return out.reshape({ends, batch, plan.width(plan.output())});
}

/// Rows about streams of a program that runs over time.
void check_ticks(const std::string& on, const Session& session, const Program& program, const Array& ticks,
                 const Array& rolled, const Key& key, std::vector<EqualityRow>& rows) {
  const auto plan = session.shared_plan();
  if (ticks.defined()) {
    const Array together = by_steps(plan, ticks, 0, Ticks::together, key);
    // Of a frame, the newest step's outputs are what the window gives.
    const int64_t steps = ticks.shape()[0], first = program.output().sequence ? 0 : steps - 1;
    const Array last = together.slice(0, first, steps);
    rows.push_back(compare(fmt::format("{}: window of {} steps = step by step", on, steps),
                           session.run(ticks).reshape(last.shape()), last));
    rows.push_back(
        compare(on + ": step = step in two halves", together, by_steps(plan, ticks, 0, Ticks::prepared, key)));
    const int64_t share = divided_up(steps, kShare);
    rows.push_back(compare(on + ": all instruments together = random micro-batches", together.slice(0, 0, share),
                           by_steps(plan, ticks.slice(0, 0, share), 0, Ticks::mixed, key)));
  }
  rows.push_back(compare(
      fmt::format("{}: window of {} steps = rolling window of random micro-batches", on, kRolling),
      by_windows(session, rolled, kRolling),
      by_steps(plan, rolled, kRolling, Ticks::mixed, key).slice(0, kRolling - 1, rolled.shape()[0]).contiguous()));
}

Program reloaded(const Program& program) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("quantick-check-{}.qtk", ::getpid());
  save(program, path.string());
  struct Remove {
    const std::filesystem::path& path;
    ~Remove() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  } const remove{path};
  return load(path.string());
}

/// `ticks`, `rolled`: inputs of the rows about streams; undefined: no such rows.
void check_program(const std::string& what, const Program& program, const Array& x, const Array& ticks,
                   const Array& rolled, const EqualityOptions& options, std::vector<EqualityRow>& rows) {
  Array scalar;
  const Key key = Key(options.seed).fold(what);
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    const Session session(program);
    const auto run_with = [&](int count) {
      const Threads scope(count);
      return session.run_codes(x);
    };
    const Array one = run_with(1);
    if (isa == Isa::scalar)
      scalar = one;
    else
      rows.push_back(compare(fmt::format("{}: scalar = {}", what, isa_name(isa)), scalar, one));
    const std::string on = fmt::format("{}, {}", what, isa_name(isa));
    rows.push_back(
        compare(fmt::format("{}: 1 thread = {} threads", on, options.threads), one, run_with(options.threads)));
    // The last rows, where tails are.
    const int axis = program.input().sequence ? 1 : 0, out_axis = program.output().sequence ? 1 : 0;
    const int64_t batch = x.shape()[axis], first = batch - divided_up(batch, kShare);
    rows.push_back(compare(fmt::format("{}: batch of {} = single runs", on, batch),
                           one.slice(out_axis, first, batch).contiguous(),
                           by_single_rows(session, x.slice(axis, first, batch))));
    if (rolled.defined()) check_ticks(on, session, program, ticks, rolled, key, rows);
  }
  rows.push_back(compare(what + ": saved and reloaded = original", scalar, Session(reloaded(program)).run_codes(x)));
}

void check_random_program(const std::string& name, const Program& program, const EqualityOptions& options,
                          std::vector<EqualityRow>& rows) {
  const int64_t row = program.output().channels.size();
  const bool over_time = program.input().sequence;
  const int64_t steps = over_time ? kOperatorSteps : 1, per_row = program.output().sequence ? row * steps : row;
  const Array x = random_input(program, steps, divided_up(options.outputs, per_row), options.seed);
  Array ticks, rolled;
  if (over_time) {
    if (!program.needs_whole_window())
      ticks = random_input(program, divided_up(options.outputs, row * kTickRows), kTickRows, options.seed + 1);
    const int64_t ends = divided_up(options.outputs, row * kTickRows * kShare);
    rolled = random_input(program, ends + kRolling - 1, kTickRows, options.seed + 2);
  }
  check_program(name, program, x, ticks, rolled, options, rows);
}

void check_options(const EqualityOptions& options) {
  QTK_CHECK(options.outputs > 0 && options.lstm_steps > 0 && options.threads > 0, ValueError,
            "[equality] outputs, LSTM steps and threads, were {}, {} and {}, expected at least 1", options.outputs,
            options.lstm_steps, options.threads);
}

}  // namespace

std::vector<EqualityRow> check_equality(const std::string& name, const Program& program,
                                        const EqualityOptions& options) {
  check_options(options);
  std::vector<EqualityRow> rows;
  check_random_program(name, program, options, rows);
  return rows;
}

std::vector<EqualityRow> run_equality_checks(const EqualityOptions& options) {
  check_options(options);
  std::vector<EqualityRow> rows;
  for (const int bits : {8, 16}) {
    const Program dense = random_dense(kColumns, kRows, bits, options.seed + bits);
    const Array x = random_input(dense, 1, divided_up(options.outputs, kRows), options.seed);
    check_program(fmt::format("dense {}x{} int{}", kRows, kColumns, bits), dense, x, Array(), Array(), options, rows);
  }
  for (const Operator& op : operators())
    for (const auto& [name, program] : random_operator_programs(op, options.seed))
      check_random_program(name, program, options, rows);
  constexpr int64_t kWindow = 100;
  for (const bool head : {false, true}) {
    const Program lstm = random_lstm({.outputs = head ? 4 : 0}, options.seed);
    const Array windows = random_input(lstm, kWindow, divided_up(options.lstm_steps, kWindow), options.seed);
    // Steps are compared on the hidden states, which show more than a head does.
    const auto input = [&](int64_t count) {
      return head ? Array() : random_input(lstm, divided_up(count, kInstruments), kInstruments, options.seed + 1);
    };
    check_program(head ? "lstm with head" : "lstm hidden", lstm, windows, input(options.lstm_steps),
                  input(options.lstm_steps / kShare + kRolling * kInstruments), options, rows);
  }
  return rows;
}

}  // namespace quantick::runtime
