#include "quantick/core/error.h"
#include "quantick/quant/observer.h"

namespace quantick::quant {
namespace {

/// Cuts (100 - percentile) percent of the observed values off each end.
class PercentileObserver : public Observer {
 public:
  explicit PercentileObserver(const ObserverOptions& options) : Observer(options), share_(options.percentile / 100) {
    QTK_CHECK(options.percentile > 50 && options.percentile <= 100, ValueError,
              "[observer] percentile, was {}, expected 50 < p <= 100", options.percentile);
  }
  ObservedRange range_for(int, bool) const override {
    return {histogram().quantile(1 - share_), histogram().quantile(share_)};
  }

 private:
  double share_;
};

}  // namespace

std::unique_ptr<Observer> make_percentile_observer(const ObserverOptions& options) {
  return std::make_unique<PercentileObserver>(options);
}

}  // namespace quantick::quant
