#include "quantick/runtime/equality.h"

#include <unistd.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <functional>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

namespace quantick::runtime {
namespace {

constexpr int64_t kColumns = 67, kRows = 129;  // odd, so that every kernel meets its tails
constexpr int64_t kInstruments = 3;

EqualityRow compare(std::string name, const Array& a, const Array& b) {
  QTK_ASSERT(a.type() == b.type() && a.is_contiguous() && b.is_contiguous());
  EqualityRow row{std::move(name), a.size(), 0};
  const int64_t bytes = a.size() * dtype_size(a.dtype());
  for (int64_t i = 0; i < bytes; ++i)
    row.differing_bits += std::popcount(static_cast<unsigned>(a.raw()[i] ^ b.raw()[i]) & 0xffu);
  return row;
}

/// Output of a program whose kernels are those of `isa`.
Array run_on(Isa isa, const Program& program, const Array& x) {
  const ForcedIsa forced(isa);
  return Session(program).run_codes(x);
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

void check_program(const std::string& what, const Program& program, const Array& x, int threads,
                   std::vector<EqualityRow>& rows) {
  const Array base = run_on(Isa::scalar, program, x);
  for (const Isa isa : supported_isas())
    if (isa != Isa::scalar)
      rows.push_back(compare(fmt::format("{}: scalar = {}", what, isa_name(isa)), base, run_on(isa, program, x)));
  const Session session(program);
  Array one, many;
  {
    const Threads single(1);
    one = session.run_codes(x);
  }
  {
    const Threads several(threads);
    many = session.run_codes(x);
  }
  rows.push_back(compare(fmt::format("{}: 1 thread = {} threads", what, threads), one, many));
  rows.push_back(
      compare(fmt::format("{}: saved and reloaded = original", what), one, Session(reloaded(program)).run_codes(x)));
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
    const std::string what = fmt::format("dense int{}", bits);
    check_program(what, dense, x, options.threads, rows);
    rows.push_back(compare(what + ": batch = single runs", Session(dense).run_codes(x), by_single_rows(dense, x)));
  }
  const Program lstm = random_lstm({}, options.seed);
  const int64_t window = 100, batch = std::max<int64_t>(64, divided_up(options.lstm_steps, window));
  const Array windows = random_input(lstm, window, batch, options.seed);
  check_program("lstm", lstm, windows, options.threads, rows);
  rows.push_back(compare("lstm: batch = single runs", Session(lstm).run_codes(windows), by_single_rows(lstm, windows)));
  const Array ticks = random_input(lstm, divided_up(options.lstm_steps, kInstruments), kInstruments, options.seed + 1);
  rows.push_back(compare("lstm: whole window = step by step", Session(lstm).run(ticks), by_steps(lstm, ticks)));
  return rows;
}

}  // namespace quantick::runtime
