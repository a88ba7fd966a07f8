#pragma once
#include <string>

#include "quantick/train/history.h"

namespace quantick::train {

/// Lets a callback end the training after the current epoch's or step's bookkeeping.
class Control {
 public:
  /// The first reason is kept; it becomes History::stop_reason.
  void stop(const std::string& reason) {
    if (reason_.empty()) reason_ = reason.empty() ? "stopped by a callback" : reason;
  }
  bool stopping() const { return !reason_.empty(); }
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

/// Watches a training. Called on the training thread; exceptions end the training and pass through.
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_step(const StepInfo& step, Control& control) { (void)step, (void)control; }
  virtual void on_epoch(const EpochRecord& epoch, Control& control) { (void)epoch, (void)control; }
};

}  // namespace quantick::train
