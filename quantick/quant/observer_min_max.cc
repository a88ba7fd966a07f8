#include "quantick/quant/observer.h"

namespace quantick::quant {
namespace {

/// Everything that was observed: no clipping, and one outlier costs all others their resolution.
class MinMaxObserver : public Observer {
 public:
  ObservedRange range() const override { return {histogram().low(), histogram().high()}; }
};

}  // namespace

std::unique_ptr<Observer> make_min_max_observer(const ObserverOptions&) { return std::make_unique<MinMaxObserver>(); }

}  // namespace quantick::quant
