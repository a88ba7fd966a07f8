// What a trading thread calls allocates nothing, takes no lock and makes no system call: counted by interposition, and
// enforced by a seccomp filter. tests/python/test_strace.py looks at the same from outside.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <mutex>
#include <numeric>
#include <utility>

#include "quantick/ops/operator.h"
#include "quantick/runtime/model_slot.h"
#include "quantick/runtime/random_operator.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/stream.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define QTK_SANITIZED 1
#else
#define QTK_SANITIZED 0
#endif

namespace {
// One thread counts at a time.
thread_local bool counting = false;
int64_t allocations = 0, locks = 0;
}  // namespace

#if !QTK_SANITIZED
// glibc's own functions, which stay reachable when the names everybody calls are taken.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t n) {
  allocations += counting;
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t each) {
  allocations += counting;
  return __libc_calloc(n, each);
}
void* realloc(void* p, size_t n) {
  allocations += counting;
  return __libc_realloc(p, n);
}
void* aligned_alloc(size_t alignment, size_t n) {
  allocations += counting;
  return __libc_memalign(alignment, n);
}
int posix_memalign(void** p, size_t alignment, size_t n) {
  allocations += counting;
  *p = __libc_memalign(alignment, n);
  return *p == nullptr ? 12 /* ENOMEM */ : 0;
}
void free(void* p) {
  allocations += counting && p != nullptr;
  __libc_free(p);
}

#define QTK_COUNTED_LOCK(name, type)                                                      \
  int name(type* p) noexcept {                                                            \
    locks += counting;                                                                    \
    static const auto real = reinterpret_cast<int (*)(type*)>(::dlsym(RTLD_NEXT, #name)); \
    return real(p);                                                                       \
  }
QTK_COUNTED_LOCK(pthread_mutex_lock, pthread_mutex_t)
QTK_COUNTED_LOCK(pthread_mutex_trylock, pthread_mutex_t)
QTK_COUNTED_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
QTK_COUNTED_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
QTK_COUNTED_LOCK(pthread_cond_signal, pthread_cond_t)
QTK_COUNTED_LOCK(pthread_cond_broadcast, pthread_cond_t)
#undef QTK_COUNTED_LOCK
}
#endif

namespace quantick::runtime {
namespace {

/// A program of every operator that runs tick by tick or on windows, and stacks of LSTMs.
std::vector<RandomOperatorProgram> programs() {
  std::vector<RandomOperatorProgram> out{{"lstm stack", random_lstm({.features = 5, .units = 24}, 1)},
                                         {"dense", random_dense(33, 17, 8, 1)}};
  for (const Operator& op : operators())
    for (RandomOperatorProgram& one : random_operator_programs(op, 5)) {
      Precision& precision = one.program.nodes[0].precision;
      if (one.program.input().sequence && precision.method == "dynamic") {
        out.push_back(one);
        precision.method = "dynamic_decay";
        one.name += " with decay";
      }
      out.push_back(std::move(one));
    }
  return out;
}

std::vector<int64_t> windows_of(const Program& program) {
  if (!program.input().sequence) return {0};
  return program.needs_whole_window() ? std::vector<int64_t>{4} : std::vector<int64_t>{0, 4};
}

/// Everything that may be called between two ticks, on a stream of kNames instruments.
constexpr int64_t kNames = 67;

struct Ticks {
  Ticks(const Program& program, int64_t window)
      : stream(program, {.instruments = kNames, .window = window}),
        x(random_input(program, 1, kNames, 1).to_vector<float>()),
        missing(x.size(), std::numeric_limits<float>::quiet_NaN()),
        out(static_cast<size_t>(kNames * stream.output_width())),
        some(kNames - 2) {
    std::iota(some.rbegin(), some.rend(), int64_t{1});
  }
  void run() noexcept {
    const auto columns = static_cast<size_t>(stream.columns()), width = static_cast<size_t>(stream.output_width());
    const std::span<const float> all(x);
    const std::span<float> to(out);
    stream.warm_up();
    for (int i = 0; i < 3; ++i) {
      stream.step(all, to);
      stream.prepare();
      stream.step(some, all.first(some.size() * columns), to.first(some.size() * width));
      stream.prepare(3);
      stream.step(3, all.first(columns), to.first(width));
      stream.step(3, all.first(columns), to.first(width));
      stream.prepare(5);
      stream.step(some, all.first(some.size() * columns), to.first(some.size() * width));
      stream.absorb(2, all.first(3 * columns));
      stream.step(2, std::span<const float>(missing).first(columns), to.first(width));
      stream.keep_warm();
    }
    stream.step(missing, to);
    stream.step(kNames, all.first(columns), to.first(width));
    stream.reset(1);
    stream.reset();
  }
  Stream stream;
  std::vector<float> x, missing, out;
  std::vector<int64_t> some;
};

/// A slot's ticking thread, on models that are on offer one after the other.
struct SwapTicks {
  explicit SwapTicks(int64_t window)
      : slot(program(24, 1), {.stream = {.instruments = kNames, .window = window}, .history = 16}),
        x(random_input(program(24, 1), 1, kNames, 1).to_vector<float>()),
        missing(x.size(), std::numeric_limits<float>::quiet_NaN()),
        out(static_cast<size_t>(kNames * slot.output_width())) {
    slot.step(x, out);
    slot.step(x, out);
  }
  static Program program(int64_t units, uint64_t seed) { return random_lstm({.features = 5, .units = units}, seed); }
  void run() noexcept {
    constexpr int64_t kSome[] = {3, 1, 2};
    const std::span<const float> all(x);
    const std::span<float> to(out);
    const auto columns = static_cast<size_t>(slot.columns()), width = static_cast<size_t>(slot.output_width());
    slot.step(7, all.first(columns), to.first(width));
    slot.warm_up();
    slot.prepare();
    slot.step(all, to);
    slot.prepare(3);
    slot.keep_warm();
    slot.step(kSome, all.first(3 * columns), to.first(3 * width));
    slot.step(2, std::span<const float>(missing).first(columns), to.first(width));
    slot.step(missing, to);
    slot.absorb(4, all.first(5 * columns));
    slot.reset(3);
    slot.reset();
  }
  ModelSlot slot;
  std::vector<float> x, missing, out;
};

/// Counts of what `body` does.
template <class Body>
void count(Body&& body) {
  allocations = locks = 0;
  counting = true;
  body();
  counting = false;
}

TEST(Realtime, TicksAllocateNothingAndTakeNoLock) {
#if QTK_SANITIZED
  GTEST_SKIP() << "the sanitizers bring a malloc of their own";
#endif
  for (const auto& [name, program] : programs())
    for (const int64_t window : windows_of(program)) {
      Ticks ticks(program, window);
      count([&] { ticks.run(); });
      EXPECT_EQ(allocations, 0) << name << ", window " << window;
      EXPECT_EQ(locks, 0) << name << ", window " << window;
    }
  for (const int64_t window : {0, 4}) {
    SwapTicks ticks(window);
    uint64_t number = 1;
    for (const auto& [units, seed] : {std::pair(24, 1), {24, 2}, {40, 3}, {24, 1}}) {
      if (number > 1) ticks.slot.offer(SwapTicks::program(units, static_cast<uint64_t>(seed)));
      count([&] { ticks.run(); });
      EXPECT_EQ(ticks.slot.running(), number++);
      EXPECT_EQ(allocations, 0) << "model of " << units << " units, window " << window;
      EXPECT_EQ(locks, 0) << "model of " << units << " units, window " << window;
    }
  }
  count([] { std::free(std::malloc(100)); });
  EXPECT_EQ(allocations, 2) << "the counter sees nothing";
  count([] { const std::vector<int> seen(1000); });
  EXPECT_EQ(allocations, 2) << "the counter sees nothing";
  std::mutex mutex;
  count([&] { const std::lock_guard lock(mutex); });
  EXPECT_EQ(locks, 1) << "the counter sees nothing";
}

/// Runs `body` in a child that may make no system call but exit; its exit status, or -1 where it was killed.
template <class Body>
int without_system_calls(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) ::_exit(77);
    body();
    ::syscall(SYS_exit, 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Realtime, TicksMakeNoSystemCall) {
#if QTK_SANITIZED
  GTEST_SKIP() << "the sanitizers' own runtime calls the system";
#endif
  for (const auto& [name, program] : programs())
    for (const int64_t window : windows_of(program)) {
      Ticks ticks(program, window);
      const int status = without_system_calls([&] { ticks.run(); });
      if (status == 77) GTEST_SKIP() << "this system has no seccomp";
      EXPECT_EQ(status, 0) << name << ", window " << window;
    }
  for (const int64_t window : {0, 4})
    for (const auto& [units, seed] : {std::pair(24, 2), {40, 3}}) {
      SwapTicks ticks(window);
      ticks.slot.offer(SwapTicks::program(units, static_cast<uint64_t>(seed)));
      EXPECT_EQ(without_system_calls([&] {
                  ticks.run();
                  if (ticks.slot.running() != 2) ::syscall(SYS_exit, 1);
                }),
                0)
          << "model of " << units << " units, window " << window;
    }
  EXPECT_EQ(without_system_calls([] { ::getpid(); }), -1) << "the guard sees nothing";
}

}  // namespace
}  // namespace quantick::runtime
