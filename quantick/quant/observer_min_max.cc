#include "quantick/quant/observer.h"

namespace quantick::quant {
namespace {

/// Everything that was observed: no clipping, and one outlier costs all others their resolution.
class MinMaxObserver : public Observer {
 public:
  using Observer::Observer;
  ObservedRange range_for(int, bool) const override { return {histogram().low(), histogram().high()}; }
};

}  // namespace

std::unique_ptr<Observer> make_min_max_observer(const ObserverOptions& options) {
  return std::make_unique<MinMaxObserver>(options);
}

}  // namespace quantick::quant
