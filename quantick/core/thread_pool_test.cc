#include "quantick/core/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace quantick {
namespace {

/// Sets the thread count for one test and puts the old one back.
class Threads {
 public:
  explicit Threads(int count) : old_(thread_count()) { set_thread_count(count); }
  ~Threads() { set_thread_count(old_); }

 private:
  int old_;
};

/// A sum whose bits depend on its order: partial sums by chunk, then the chunks in their order.
double chunked_sum(int64_t size, int64_t grain) {
  std::vector<double> partial(static_cast<size_t>((size + grain - 1) / grain));
  parallel_ranges(size, grain, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += 1.0 / std::sqrt(static_cast<double>(i) + 0.1);
    partial[static_cast<size_t>(begin / grain)] = sum;
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

TEST(ThreadPool, SumsHaveTheSameBitsForAnyThreadCount) {
  double expected = 0;
  for (int threads : {1, 2, 3, 7}) {
    const Threads scope(threads);
    EXPECT_EQ(thread_count(), threads);
    const double sum = chunked_sum(100'003, 97);
    if (threads == 1) expected = sum;
    EXPECT_EQ(sum, expected) << threads << " threads";
  }
}

TEST(ThreadPool, RunsEachChunkOnceAlsoWhenThereAreFewerThanThreads) {
  for (int threads : {1, 2, 7}) {
    const Threads scope(threads);
    for (int64_t chunks : {0, 1, 2, 5, 7, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(chunks));
      parallel_for(chunks, [&](int64_t c) { ++runs[static_cast<size_t>(c)]; });
      for (const auto& count : runs) EXPECT_EQ(count, 1) << threads << " threads, " << chunks << " chunks";
    }
  }
}

TEST(ThreadPool, RangesCoverTheWholeAndTheLastMayBeShort) {
  const Threads scope(2);
  for (int64_t size : {0, 1, 9, 10, 11, 1000}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(size));
    parallel_ranges(size, 10, [&](int64_t begin, int64_t end) {
      EXPECT_LT(begin, end);
      EXPECT_LE(end - begin, 10);
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    for (const auto& count : seen) EXPECT_EQ(count, 1) << size;
  }
  EXPECT_THROW(parallel_ranges(5, 0, [](int64_t, int64_t) {}), InvariantError);
}

TEST(ThreadPool, RethrowsTheLowestFailingChunkAndRunsTheOthers) {
  for (int threads : {1, 2, 7}) {
    const Threads scope(threads);
    std::atomic<int> ran = 0;
    try {
      parallel_for(50, [&](int64_t c) {
        ++ran;
        if (c % 10 == 7) throw std::out_of_range(std::to_string(c));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::out_of_range& error) {
      EXPECT_STREQ(error.what(), "7") << threads << " threads";
    }
    EXPECT_EQ(ran, 50) << threads << " threads";
    EXPECT_EQ(chunked_sum(1000, 10), chunked_sum(1000, 10)) << "the pool is unusable after an exception";
  }
}

TEST(ThreadPool, CallsFromInsideAChunkRunSeriallyInOrder) {
  const Threads scope(2);
  std::vector<std::vector<int64_t>> order(8);
  parallel_for(8, [&](int64_t outer) {
    parallel_for(5, [&](int64_t inner) { order[static_cast<size_t>(outer)].push_back(inner); });
  });
  for (const auto& inner : order) EXPECT_EQ(inner, (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST(ThreadPool, TakesCallersFromManyThreads) {
  const Threads scope(3);
  const double expected = chunked_sum(5'000, 61);
  std::vector<double> sums(4);
  {
    std::vector<std::jthread> callers;
    for (double& sum : sums)
      callers.emplace_back([&sum] {
        for (int i = 0; i < 50; ++i) sum = chunked_sum(5'000, 61);
      });
  }
  for (double sum : sums) EXPECT_EQ(sum, expected);
}

TEST(ThreadPool, ThreadCountMayChangeBetweenCalls) {
  const int before = thread_count();
  for (int round = 0; round < 30; ++round) {
    set_thread_count(1 + round % 4);
    std::atomic<int64_t> sum = 0;
    parallel_for(20, [&](int64_t c) { sum += c; });
    EXPECT_EQ(sum, 190);
  }
  set_thread_count(before);
}

// Many short calls, some with a pause that lets the workers fall asleep: lost wake-ups and late readers of a finished
// job show here, above all under the thread sanitizer.
TEST(ThreadPool, ManyShortCallsWithAndWithoutSleep) {
  const Threads scope(4);
  int64_t total = 0;
  for (int call = 0; call < 3000; ++call) {
    std::vector<int64_t> out(6);
    parallel_for(6, [&](int64_t c) { out[static_cast<size_t>(c)] = c + call; });
    total += std::accumulate(out.begin(), out.end(), int64_t{0});
    if (call % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(total, 6 * (2999 * 3000 / 2) + 3000 * 15);
}

TEST(ThreadPool, AForkedProcessStartsThreadsOfItsOwn) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer ends a child that starts threads";
#endif
  const Threads threads(3);
  std::atomic<int> ran{0};
  parallel_for(8, [&](int64_t) { ++ran; });
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(20);  // instead of waiting for ever
    parallel_for(8, [&](int64_t) { ++ran; });
    ::_exit(ran == 16 && thread_count() == 3 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(ThreadPool, RefusesImpossibleCounts) {
  EXPECT_THROW(set_thread_count(0), ValueError);
  EXPECT_THROW(set_thread_count(257), ValueError);
}

#if defined(__x86_64__)
TEST(ThreadPool, ChunksRunInTheDefaultFloatModeWhateverTheCallers) {
  constexpr unsigned kFlushToZeroUpward = 0x8000 | 0x4000;
  const unsigned before = _mm_getcsr();
  for (int threads : {1, 3}) {
    _mm_setcsr(before | kFlushToZeroUpward);
    std::vector<float> halves(6);
    {
      const Threads scope(threads);  // workers are started in the odd mode
      parallel_for(6, [&](int64_t c) {
        volatile float tiny = 0x1p-126f;
        halves[static_cast<size_t>(c)] = tiny * 0.5f;
      });
    }
    EXPECT_EQ(_mm_getcsr() & kFlushToZeroUpward, kFlushToZeroUpward) << "the caller's mode was not put back";
    _mm_setcsr(before);
    for (float half : halves) EXPECT_EQ(half, 0x1p-127f) << threads << " threads";
  }
}
#endif

}  // namespace
}  // namespace quantick
