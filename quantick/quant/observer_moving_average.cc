#include "quantick/core/error.h"
#include "quantick/quant/observer.h"

namespace quantick::quant {
namespace {

/// Average of the batches' extremes, newer batches weighing more (Jacob et al. 2018, section 3.1). Depends on the order
/// of the batches; merging weighs both sides by their batches.
class MovingAverageObserver : public Observer {
 public:
  explicit MovingAverageObserver(const ObserverOptions& options) : Observer(options), momentum_(options.momentum) {
    QTK_CHECK(momentum_ >= 0 && momentum_ < 1, ValueError, "[observer] momentum, was {}, expected 0 <= m < 1",
              momentum_);
  }
  ObservedRange range_for(int, bool) const override { return average_; }

 protected:
  void on_batch(const ObservedRange& batch) override {
    const double past = batches_ == 0 ? 0 : momentum_;
    average_ = {past * average_.low + (1 - past) * batch.low, past * average_.high + (1 - past) * batch.high};
    ++batches_;
  }
  void on_merge(const Observer& other) override {
    const auto& more = static_cast<const MovingAverageObserver&>(other);
    if (more.batches_ == 0) return;
    const double share = static_cast<double>(more.batches_) / static_cast<double>(batches_ + more.batches_);
    average_ = {(1 - share) * average_.low + share * more.average_.low,
                (1 - share) * average_.high + share * more.average_.high};
    batches_ += more.batches_;
  }

 private:
  double momentum_;
  ObservedRange average_;
  int64_t batches_ = 0;
};

}  // namespace

std::unique_ptr<Observer> make_moving_average_observer(const ObserverOptions& options) {
  return std::make_unique<MovingAverageObserver>(options);
}

}  // namespace quantick::quant
