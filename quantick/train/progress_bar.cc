#include "quantick/train/progress_bar.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "quantick/core/error.h"

namespace quantick::train {
namespace {

/// Characters between the brackets.
constexpr int64_t kWidth = 24;

}  // namespace

std::string progress_line(const StepInfo& step) {
  const int64_t total = std::max<int64_t>(step.steps_per_epoch, 1), filled = step.step_of_epoch * kWidth / total;
  std::string line =
      fmt::format("epoch {:>2}/{} [{:#<{}}{:.<{}}] {:>3} %  loss {:.6g}  rate {:.3g}", step.epoch, step.epochs, "",
                  filled, "", kWidth - filled, step.step_of_epoch * 100 / total, step.mean_loss, step.learning_rate);
  if (step.samples_per_second > 0) line += fmt::format("  {:.0f} samples/s", step.samples_per_second);
  return line;
}

std::string progress_line(const EpochRecord& epoch) {
  std::string line = fmt::format("epoch {:>2}  loss {:.6g}", epoch.epoch, epoch.train_loss);
  if (std::isfinite(epoch.validation_loss)) line += fmt::format("  validation loss {:.6g}", epoch.validation_loss);
  if (std::isfinite(epoch.validation_ic)) line += fmt::format("  IC {:.4f}", epoch.validation_ic);
  if (std::isfinite(epoch.validation_rank_ic)) line += fmt::format("  rank IC {:.4f}", epoch.validation_rank_ic);
  if (epoch.seconds > 0) line += fmt::format("  {:.1f} s, {:.0f} samples/s", epoch.seconds, epoch.samples_per_second);
  return line + (epoch.best ? "  best" : "");
}

ProgressBar::ProgressBar(std::function<void(std::string_view, bool)> print, int64_t every_steps)
    : print_(std::move(print)), every_steps_(every_steps) {
  QTK_CHECK(print_ != nullptr, ValueError, "[progress_bar] print is empty, expected a function");
  QTK_CHECK(every_steps > 0, ValueError, "[progress_bar] every_steps, was {}, expected > 0", every_steps);
}

void ProgressBar::on_step(const StepInfo& step, Control&) {
  if (step.step_of_epoch % every_steps_ == 0 || step.step_of_epoch == step.steps_per_epoch)
    print_(progress_line(step), false);
}

void ProgressBar::on_epoch(const EpochRecord& epoch, Control&) { print_(progress_line(epoch), true); }

}  // namespace quantick::train
