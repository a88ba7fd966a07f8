#pragma once
// How long a decision takes, from the receipt of an event to the moment its order leaves. A new model is a class like
// ConstantLatency in its own file.
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "quantick/core/rng.h"

namespace quantick::backtest {

/// A day, in ns: what is above is a mistake of unit.
inline constexpr int64_t kLongestLatency = 86'400'000'000'000;

class LatencyModel {
 public:
  virtual ~LatencyModel() = default;
  /// Nanoseconds, 0 to kLongestLatency. `decision` counts the decisions of a run; the same number gets the same answer,
  /// so that runs repeat.
  virtual int64_t nanoseconds(int64_t decision) const = 0;
  virtual std::string describe() const = 0;
};

class ConstantLatency : public LatencyModel {
 public:
  /// Throws ValueError for a number out of range.
  explicit ConstantLatency(int64_t nanoseconds);
  int64_t nanoseconds(int64_t) const override { return nanoseconds_; }
  std::string describe() const override;

 private:
  int64_t nanoseconds_;
};

/// A measured distribution, drawn from independently per decision: of a quantile function that is linear between the
/// points known of it. Latencies come in bunches (a slow tick follows a slow tick); this does not keep that.
class EmpiricalLatency : public LatencyModel {
 public:
  /// Points (share, ns): shares inside [0, 1] that ascend, latencies in range that never fall. Below the first and
  /// above the last share the distribution is flat, so that what was never measured never occurs. Throws ValueError.
  EmpiricalLatency(std::vector<std::pair<double, double>> quantiles, uint64_t seed, std::string source);
  /// Of samples in ns, in any order.
  static EmpiricalLatency from_samples(std::span<const double> samples, uint64_t seed, std::string source);

  int64_t nanoseconds(int64_t decision) const override;
  double quantile(double share) const;
  std::string describe() const override;

 private:
  std::vector<std::pair<double, double>> quantiles_;
  Key key_;
  std::string source_;
};

/// Reads a CSV with a column of samples in ns, called `column` (`quantick replay` writes latencies.csv with total_ns,
/// model_ns and features_ns), or one with the columns `share` and `ns`, the points of a quantile function. Throws
/// IoError, FormatError and ParseError with file and line, ValueError as EmpiricalLatency.
EmpiricalLatency read_latency(const std::string& path, uint64_t seed, const std::string& column = "total_ns");

}  // namespace quantick::backtest
