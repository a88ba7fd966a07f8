#pragma once
// Samples of a measurement in one state of the caches, taken in chunks so that contenders take turns.
#include <cstdint>
#include <vector>

#include "bench/eviction.h"
#include "bench/measurement.h"

namespace quantick::bench {

/// The value that a share `p` of the samples does not exceed: sample number ceil(p * n), counted from 1. `sorted` is
/// ascending and not empty.
double percentile(const std::vector<double>& sorted, double p);

class Sampler {
 public:
  Sampler(const Measurement& measurement, Cache cache) : measurement_(&measurement), cache_(cache) {}

  /// Takes samples for about `seconds`, one at least. Hot samples begin after some runs that are not counted.
  void run(double seconds, Eviction& eviction);

  const Measurement& measurement() const { return *measurement_; }
  Cache cache() const { return cache_; }
  /// Nanoseconds of all samples, ascending.
  std::vector<double> sorted() const;
  /// Median of each chunk.
  const std::vector<double>& chunks() const { return chunks_; }

 private:
  const Measurement* measurement_;
  Cache cache_;
  std::vector<double> samples_, chunks_;
};

}  // namespace quantick::bench
