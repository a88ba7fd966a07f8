#pragma once
// Short times. On x86-64 the time stamp counter, fenced so that nothing is reordered across it; elsewhere the steady
// clock.
#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace quantick::bench {

#if defined(__x86_64__)
inline uint64_t ticks_before() {
  _mm_lfence();
  const uint64_t t = __rdtsc();
  _mm_lfence();
  return t;
}
inline uint64_t ticks_after() {
  unsigned core;
  const uint64_t t = __rdtscp(&core);
  _mm_lfence();
  return t;
}
#else
inline uint64_t ticks_before() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}
inline uint64_t ticks_after() { return ticks_before(); }
#endif

/// How ticks become nanoseconds, measured once per process.
struct TickScale {
  double ns_per_tick = 1;
  uint64_t overhead = 0;  ///< ticks between two readings with nothing between them
  double ns(uint64_t before, uint64_t after) const {
    const uint64_t ticks = after - before;
    return ns_per_tick * static_cast<double>(ticks > overhead ? ticks - overhead : 0);
  }
};
const TickScale& tick_scale();

}  // namespace quantick::bench
