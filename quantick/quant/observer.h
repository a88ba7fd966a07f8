#pragma once
// Observers look at a tensor during calibration and choose its range. They see observed cells only: NaN and infinities
// are counted and skipped. An observer is one file and a line in observer.cc.
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
};

class Observer {
 public:
  virtual ~Observer() = default;
  /// One batch.
  void observe(std::span<const float> values);
  /// Adds what another observer of the same kind has seen. Throws TypeError for another kind.
  void merge(const Observer& other);
  /// The range that quantization should cover; [0, 0] where nothing was observed.
  virtual ObservedRange range() const = 0;
  const Histogram& histogram() const { return histogram_; }

 protected:
  /// Extremes of a batch that had observed values.
  virtual void on_batch(const ObservedRange& batch) { (void)batch; }
  virtual void on_merge(const Observer& other) { (void)other; }

 private:
  Histogram histogram_;
};

/// "naive" (min-max), "moving_average", "percentile".
std::vector<std::string> observer_names();

/// Throws ValueError with the known names.
std::unique_ptr<Observer> make_observer(std::string_view name, const ObserverOptions& options = {});

// What observer.cc lists.
std::unique_ptr<Observer> make_min_max_observer(const ObserverOptions& options);
std::unique_ptr<Observer> make_moving_average_observer(const ObserverOptions& options);
std::unique_ptr<Observer> make_percentile_observer(const ObserverOptions& options);

}  // namespace quantick::quant
