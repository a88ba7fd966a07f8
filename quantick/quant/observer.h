#pragma once
// Observers look at a tensor during calibration and choose its range. They see observed cells only: NaN and infinities
// are counted and skipped. Memory is that of a Histogram, whatever the data's size. Merging parts in any order gives
// the bits of the whole, but for the moving average, which is an average over batches in their order. An observer is
// one file and a line in observer.cc.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/quant/histogram.h"

namespace quantick::quant {

struct ObservedRange {
  double low = 0, high = 0;
};

struct ObserverOptions {
  double percentile = 99.99;  ///< of the percentile observer: share kept on each side, in percent
  double momentum = 0.9;      ///< of the moving average: weight of the past
  int bits = 8;               ///< of the integers that the range is chosen for, 2..16: entropy and mse depend on it
  bool symmetric = false;     ///< whether zero is in the middle of those integers
};

class Observer {
 public:
  explicit Observer(const ObserverOptions& options);
  virtual ~Observer() = default;
  /// One batch.
  void observe(std::span<const float> values);
  /// Adds what another observer of the same kind has seen. Throws TypeError for another kind.
  void merge(const Observer& other);
  /// The range that quantization should cover; [0, 0] where nothing was observed.
  ObservedRange range() const { return range_for(bits_, symmetric_); }
  /// The same for other integers than those of the options.
  virtual ObservedRange range_for(int bits, bool symmetric) const = 0;
  const Histogram& histogram() const { return histogram_; }

 protected:
  /// Extremes of a batch that had observed values.
  virtual void on_batch(const ObservedRange& batch) { (void)batch; }
  virtual void on_merge(const Observer& other) { (void)other; }

 private:
  Histogram histogram_;
  int bits_;
  bool symmetric_;
};

/// "naive" (min-max), "moving_average", "percentile", "entropy", "mse".
std::vector<std::string> observer_names();

/// Throws ValueError with the known names.
std::unique_ptr<Observer> make_observer(std::string_view name, const ObserverOptions& options = {});

// What observer.cc lists.
std::unique_ptr<Observer> make_min_max_observer(const ObserverOptions& options);
std::unique_ptr<Observer> make_moving_average_observer(const ObserverOptions& options);
std::unique_ptr<Observer> make_percentile_observer(const ObserverOptions& options);
std::unique_ptr<Observer> make_entropy_observer(const ObserverOptions& options);
std::unique_ptr<Observer> make_mse_observer(const ObserverOptions& options);

}  // namespace quantick::quant
