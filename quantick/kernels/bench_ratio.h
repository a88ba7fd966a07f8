#pragma once
// For benchmarks: a counter with the speed relative to a base that ran before in the same process, e.g. the scalar
// oracle of the same shape. Register the base first.
#include <benchmark/benchmark.h>

#include <chrono>
#include <map>
#include <string>

namespace quantick::kernels {

/// Seconds per iteration of each group's base, over all benchmarks of the process.
inline std::map<std::string, double>& base_seconds() {
  static std::map<std::string, double> seconds;
  return seconds;
}

/// Times body() over the state's iterations and reports "ratio" = time of the base / time of this, per iteration.
/// Returns the seconds of an iteration. `group` names what is compared with its base.
template <class Body>
double run_with_ratio(benchmark::State& state, const std::string& group, bool is_base, Body body) {
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) {
    body();
    benchmark::ClobberMemory();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const double seconds = elapsed.count() / static_cast<double>(state.iterations());
  if (is_base) base_seconds()[group] = seconds;  // repeated runs of the base: the last, longest one stands
  const auto base = base_seconds().find(group);
  if (base != base_seconds().end()) state.counters["ratio"] = base->second / seconds;
  return seconds;
}

}  // namespace quantick::kernels
