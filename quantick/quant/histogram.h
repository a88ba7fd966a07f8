#pragma once
// Distribution of observed values in constant memory: one bin per bfloat16 prefix (sign, exponent, 7 bits of mantissa),
// so that bins are never wider than 1/128 of their value, whatever the range and whatever comes later. Order of arrival
// and of merging do not matter.
#include <cstdint>
#include <span>
#include <vector>

namespace quantick::quant {

/// Values in [low, high]; how they lie in between is not known.
struct HistogramBin {
  double low = 0, high = 0;
  int64_t count = 0;
};

class Histogram {
 public:
  Histogram();

  /// Counts finite values into their bins; NaN and infinities are counted as missing.
  void add(std::span<const float> values);
  void merge(const Histogram& other);

  int64_t observed() const { return observed_; }
  int64_t missing() const { return missing_; }
  /// Extremes of what was observed; 0 where nothing was.
  float low() const { return observed_ > 0 ? low_ : 0; }
  float high() const { return observed_ > 0 ? high_ : 0; }

  /// The value below which a share q in [0, 1] of the observed values lies, within a bin's width, between low() and
  /// high(); 0 where nothing was observed.
  double quantile(double q) const;

  /// What was observed, in ascending order and without empty bins; edges lie between low() and high().
  std::vector<HistogramBin> bins() const;

  /// Counts in `bins` > 0 equal parts of [low(), high()], for charts.
  std::vector<int64_t> equal_bins(int bins) const;

 private:
  std::vector<int64_t> counts_;  ///< by prefix, ascending values
  int64_t observed_ = 0, missing_ = 0;
  float low_, high_;
};

}  // namespace quantick::quant
