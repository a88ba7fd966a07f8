#include "quantick/runtime/equality.h"

#include <unistd.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <functional>

#include "quantick/core/error.h"
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
constexpr int64_t kOperatorSteps = 37, kTickRows = 64;

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

Array by_single_rows(const Program& program, const Array& x) {
  const Session session(program);
  const bool sequence = program.input().sequence;
  const int axis = sequence ? 1 : 0;
  Array out;
  for (int64_t n = 0; n < x.shape()[axis]; ++n) {
    const Array one = session.run_codes(x.slice(axis, n, n + 1).contiguous());
    if (!out.defined()) {
      Shape shape = one.shape();
      shape[axis] = x.shape()[axis];
      out = Array::empty(shape, one.dtype());
    }
    out.slice(axis, n, n + 1).assign(one);
  }
  return out;
}

Array by_steps(const Program& program, const Array& x) {
  const int64_t steps = x.shape()[0], batch = x.shape()[1];
  Stream stream(program, {.instruments = batch});
  Array out = Array::empty(Shape{steps, batch, stream.output_width()});
  const auto features = static_cast<size_t>(batch * stream.columns());
  const auto width = static_cast<size_t>(batch * stream.output_width());
  for (int64_t t = 0; t < steps; ++t) {
    const Status status = stream.step({x.data<float>() + t * static_cast<int64_t>(features), features},
                                      {out.mutable_data<float>() + t * static_cast<int64_t>(width), width});
    QTK_ASSERT(status.ok());
  }
  return out;
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

/// `ticks`: input of the rows that go step by step; undefined: no such rows.
void check_program(const std::string& what, const Program& program, const Array& x, const Array& ticks, int threads,
                   std::vector<EqualityRow>& rows) {
  Array scalar;
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
    rows.push_back(compare(fmt::format("{}: 1 thread = {} threads", on, threads), one, run_with(threads)));
    const int64_t batch = x.shape()[program.input().sequence ? 1 : 0];
    rows.push_back(compare(fmt::format("{}: batch of {} = single runs", on, batch), one, by_single_rows(program, x)));
    if (ticks.defined())
      rows.push_back(compare(fmt::format("{}: window of {} steps = step by step", on, ticks.shape()[0]),
                             session.run(ticks), by_steps(program, ticks)));
  }
  rows.push_back(compare(what + ": saved and reloaded = original", scalar, Session(reloaded(program)).run_codes(x)));
}

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::vector<EqualityRow> run_equality_checks(const EqualityOptions& options) {
  QTK_CHECK(options.outputs > 0 && options.lstm_steps > 0 && options.threads > 0, ValueError,
            "[equality] outputs, LSTM steps and threads, were {}, {} and {}, expected at least 1", options.outputs,
            options.lstm_steps, options.threads);
  std::vector<EqualityRow> rows;
  for (const int bits : {8, 16}) {
    const Program dense = random_dense(kColumns, kRows, bits, options.seed + bits);
    const Array x = random_input(dense, 1, divided_up(options.outputs, kRows), options.seed);
    check_program(fmt::format("dense {}x{} int{}", kRows, kColumns, bits), dense, x, Array(), options.threads, rows);
  }
  for (const Operator& op : operators())
    for (const auto& [name, program] : random_operator_programs(op, options.seed)) {
      const int64_t row = program.output().channels.size();
      const bool over_time = program.input().sequence;
      const int64_t steps = over_time ? kOperatorSteps : 1, batch = divided_up(options.outputs, row * steps);
      const Array x = random_input(program, steps, batch, options.seed);
      Array ticks;
      if (over_time && !program.needs_whole_window())
        ticks = random_input(program, divided_up(options.outputs, row * kTickRows), kTickRows, options.seed + 1);
      check_program(name, program, x, ticks, options.threads, rows);
    }
  constexpr int64_t kWindow = 100;
  for (const bool head : {false, true}) {
    const Program lstm = random_lstm({.outputs = head ? 4 : 0}, options.seed);
    const Array windows = random_input(lstm, kWindow, divided_up(options.lstm_steps, kWindow), options.seed);
    // Steps are compared on the hidden states, which show more than a head does.
    const int64_t steps = divided_up(options.lstm_steps, kInstruments);
    const Array ticks = head ? Array() : random_input(lstm, steps, kInstruments, options.seed + 1);
    check_program(head ? "lstm with head" : "lstm hidden", lstm, windows, ticks, options.threads, rows);
  }
  return rows;
}

}  // namespace quantick::runtime
