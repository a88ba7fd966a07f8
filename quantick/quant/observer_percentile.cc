#include "quantick/core/error.h"
#include "quantick/quant/observer.h"

namespace quantick::quant {
namespace {

/// Cuts (100 - percentile) percent of the observed values off each end.
class PercentileObserver : public Observer {
 public:
  explicit PercentileObserver(double percentile) : share_(percentile / 100) {
    QTK_CHECK(percentile > 50 && percentile <= 100, ValueError, "[observer] percentile, was {}, expected 50 < p <= 100",
              percentile);
  }
  ObservedRange range() const override { return {histogram().quantile(1 - share_), histogram().quantile(share_)}; }

 private:
  double share_;
};

}  // namespace

std::unique_ptr<Observer> make_percentile_observer(const ObserverOptions& options) {
  return std::make_unique<PercentileObserver>(options.percentile);
}

}  // namespace quantick::quant
