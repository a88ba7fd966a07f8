#include "bench/sampler.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bench/clock.h"

namespace quantick::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Runs before the first counted one: until branches are learnt and the weights are where they stay.
constexpr int kWarmRuns = 30;
// Share of a chunk that warming may take; a slow run warms itself.
constexpr double kWarmShare = 0.2;

}  // namespace

double percentile(const std::vector<double>& sorted, double p) {
  const auto n = static_cast<double>(sorted.size());
  const auto rank = static_cast<size_t>(std::max(1.0, std::ceil(p * n - 1e-9)));
  return sorted[std::min(rank, sorted.size()) - 1];
}

void Sampler::run(double seconds, Eviction& eviction) {
  const TickScale& scale = tick_scale();
  const Measurement& m = *measurement_;
  const size_t first = samples_.size();
  const auto start = Clock::now();
  if (cache_ == Cache::hot)
    for (int i = 0; i < kWarmRuns && seconds_since(start) < kWarmShare * seconds; ++i) {
      if (m.before) m.before();
      m.run();
    }
  do {
    if (m.before) m.before();
    eviction.apply(cache_);
    const uint64_t before = ticks_before();
    m.run();
    const uint64_t after = ticks_after();
    samples_.push_back(scale.ns(before, after));
  } while (seconds_since(start) < seconds);
  std::vector<double> chunk(samples_.begin() + static_cast<std::ptrdiff_t>(first), samples_.end());
  std::sort(chunk.begin(), chunk.end());
  chunks_.push_back(percentile(chunk, 0.5));
}

std::vector<double> Sampler::sorted() const {
  std::vector<double> sorted = samples_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace quantick::bench
