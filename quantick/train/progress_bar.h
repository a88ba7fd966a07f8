#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "quantick/train/callback.h"

namespace quantick::train {

/// "epoch  3/20 [#####.....]  50 %  loss 0.4321  rate 0.001  12345 samples/s"
std::string progress_line(const StepInfo& step);
/// "epoch  3  loss 0.4321  validation loss 0.4400  IC 0.0312  rank IC 0.0280  best"; what is NaN or 0 is left out.
std::string progress_line(const EpochRecord& epoch);

/// Hands lines to `print`: whole epochs with `last` true; steps, at most every `every_steps`, with `last` false, to be
/// overwritten by the next line.
class ProgressBar final : public Callback {
 public:
  explicit ProgressBar(std::function<void(std::string_view line, bool last)> print, int64_t every_steps = 1);
  void on_step(const StepInfo& step, Control& control) override;
  void on_epoch(const EpochRecord& epoch, Control& control) override;

 private:
  std::function<void(std::string_view, bool)> print_;
  int64_t every_steps_;
};

}  // namespace quantick::train
