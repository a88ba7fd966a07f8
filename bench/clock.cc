#include "bench/clock.h"

#include <algorithm>
#include <vector>

namespace quantick::bench {
namespace {

TickScale measure() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const uint64_t first = ticks_before();
  while (Clock::now() - start < std::chrono::milliseconds(50)) {
  }
  const uint64_t last = ticks_before();
  const std::chrono::duration<double, std::nano> elapsed = Clock::now() - start;
  TickScale scale{elapsed.count() / static_cast<double>(last - first)};
  std::vector<uint64_t> empty(1001);
  for (uint64_t& ticks : empty) {
    const uint64_t before = ticks_before();
    ticks = ticks_after() - before;
  }
  std::nth_element(empty.begin(), empty.begin() + 500, empty.end());
  scale.overhead = empty[500];
  return scale;
}

}  // namespace

const TickScale& tick_scale() {
  static const TickScale scale = measure();
  return scale;
}

}  // namespace quantick::bench
