#include "quantick/core/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "quantick/core/env.h"
#include "quantick/core/error.h"
#include "quantick/core/float_mode.h"

namespace quantick {
namespace {

constexpr int kMaxThreads = 256;
/// A worker spins this many times before it sleeps: 15 to 60 us (a pause takes 40 to 140 cycles), which bridges the gap
/// between two operators of a training step and costs a busy neighbour little.
constexpr int kSpins = 1000;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

thread_local bool inside_chunk = false;

/// One parallel_for call. Chunk c belongs to worker c modulo threads: a fixed partition.
struct Job {
  const std::function<void(int64_t)>* body;
  int64_t chunks;
  int threads;
  std::atomic<int> left;
  std::mutex mutex;
  std::exception_ptr error;
  int64_t error_chunk = -1;

  void run(int worker) {
    const FloatMode mode;  // a chunk's bits must not depend on the mode of the thread that got it
    inside_chunk = true;
    for (int64_t c = worker; c < chunks; c += threads) {
      try {
        (*body)(c);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (error_chunk < 0 || c < error_chunk) error_chunk = c, error = std::current_exception();
      }
    }
    inside_chunk = false;
  }
};

class Pool {
 public:
  explicit Pool(int threads) : threads_(threads) {
    for (int w = 1; w < threads; ++w) workers_.emplace_back([this, w] { work(w); });
  }

  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int threads() const { return threads_; }

  void run(int64_t chunks, const std::function<void(int64_t)>& body) {
    std::lock_guard one_at_a_time(run_mutex_);
    Job job{.body = &body, .chunks = chunks, .threads = threads_, .left = threads_ - 1};
    {
      std::lock_guard lock(mutex_);
      job_ = &job;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.run(0);
    for (int spin = 0; job.left.load(std::memory_order_acquire) > 0 && spin < kSpins; ++spin) pause();
    if (job.left.load(std::memory_order_acquire) > 0) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return job.left.load(std::memory_order_acquire) == 0; });
    } else {
      std::lock_guard lock(mutex_);  // the last worker has left notify before the job goes out of scope
    }
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  void work(int worker) {
    uint64_t seen = 0;
    while (true) {
      for (int spin = 0; generation_.load(std::memory_order_acquire) == seen && spin < kSpins; ++spin) pause();
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        if (stop_) return;
        job = job_;
      }
      job->run(worker);
      std::lock_guard lock(mutex_);
      if (job->left.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.notify_all();
    }
  }

  const int threads_;
  std::vector<std::thread> workers_;
  std::mutex run_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<uint64_t> generation_{0};
  Job* job_ = nullptr;
  bool stop_ = false;
};

int initial_threads() {
  const auto text = environment("QTK_THREADS");
  if (!text) return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  QTK_CHECK(error == std::errc() && end == text->data() + text->size() && value >= 1 && value <= kMaxThreads,
            ValueError, "[thread_pool] QTK_THREADS, was \"{}\", expected 1..{}", *text, kMaxThreads);
  return value;
}

std::mutex pool_mutex;
std::shared_ptr<Pool> pool;

/// Of the next pool; 0: as the environment says.
int wanted = 0;

/// A process that fork() made has the pool's memory and none of its threads; it starts its own when it needs them.
void forget_threads_of_parent() {
  new (&pool_mutex) std::mutex;  // another thread may have held it
  if (!pool) return;
  wanted = pool->threads();
  // Never destroyed: that would wait for threads that are not here.
  new std::shared_ptr<Pool>(std::exchange(pool, nullptr));
}

void follow_forks() {
  static const int followed = ::pthread_atfork(nullptr, nullptr, forget_threads_of_parent);
  QTK_CHECK(followed == 0, Error, "[thread_pool] cannot follow fork(): error {}", followed);
}

std::shared_ptr<Pool> current_pool() {
  follow_forks();
  std::lock_guard lock(pool_mutex);
  if (!pool) pool = std::make_shared<Pool>(wanted > 0 ? wanted : initial_threads());
  return pool;
}

}  // namespace

int thread_count() { return current_pool()->threads(); }

void set_thread_count(int count) {
  QTK_CHECK(count >= 1 && count <= kMaxThreads, ValueError, "[thread_pool] threads, was {}, expected 1..{}", count,
            kMaxThreads);
  follow_forks();
  std::shared_ptr<Pool> old;
  std::lock_guard lock(pool_mutex);
  if (pool && pool->threads() == count) return;
  old = std::exchange(pool, std::make_shared<Pool>(count));
}

void parallel_for(int64_t chunks, const std::function<void(int64_t)>& body) {
  if (chunks <= 0) return;
  const auto p = inside_chunk || chunks == 1 ? nullptr : current_pool();
  if (!p || p->threads() == 1) {
    const FloatMode mode;
    const bool was_inside = std::exchange(inside_chunk, true);
    std::exception_ptr error;
    for (int64_t c = 0; c < chunks; ++c) {
      try {
        body(c);
      } catch (...) {
        if (!error) error = std::current_exception();
      }
    }
    inside_chunk = was_inside;
    if (error) std::rethrow_exception(error);
    return;
  }
  p->run(chunks, body);
}

}  // namespace quantick
