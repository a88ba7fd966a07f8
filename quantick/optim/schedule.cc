#include "quantick/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "quantick/core/error.h"
#include "quantick/optim/class_table.h"

namespace quantick::optim {
namespace {

void check_factor(std::string_view who, double factor) {
  QTK_CHECK(factor > 0 && factor <= 1, ValueError, "[{}] factor, was {}, expected 0 < factor <= 1", who, factor);
}

/// Share of the updates after the warm-up that are done, at most 1.
double share_done(int64_t update, int64_t warmup_steps, int64_t max_update) {
  const double done = static_cast<double>(update - warmup_steps) / static_cast<double>(max_update - warmup_steps);
  return std::min(done, 1.0);
}

void check_max_update(std::string_view who, int64_t max_update, int64_t warmup_steps) {
  QTK_CHECK(max_update > warmup_steps, ValueError, "[{}] max_update, was {}, expected more than warmup_steps {}", who,
            max_update, warmup_steps);
}

const ClassTable<Schedule>& schedules() {
  static const ClassTable<Schedule> table(
      "lr_scheduler",
      {
          class_entry<Schedule, ConstantScheduler, ConstantSchedulerOptions>("ConstantScheduler"),
          class_entry<Schedule, FactorScheduler, FactorSchedulerOptions>("FactorScheduler"),
          class_entry<Schedule, MultiFactorScheduler, MultiFactorSchedulerOptions>("MultiFactorScheduler"),
          class_entry<Schedule, PolyScheduler, PolySchedulerOptions>("PolyScheduler"),
          class_entry<Schedule, CosineScheduler, CosineSchedulerOptions>("CosineScheduler"),
      });
  return table;
}

}  // namespace

Schedule::Schedule(std::string_view who, const WarmUp& warm_up) : warm_up_(warm_up) {
  QTK_CHECK(warm_up.base_lr >= 0, ValueError, "[{}] base_lr, was {}, expected >= 0", who, warm_up.base_lr);
  QTK_CHECK(warm_up.warmup_steps >= 0, ValueError, "[{}] warmup_steps, was {}, expected >= 0", who,
            warm_up.warmup_steps);
  QTK_CHECK(warm_up.warmup_begin_lr >= 0, ValueError, "[{}] warmup_begin_lr, was {}, expected >= 0", who,
            warm_up.warmup_begin_lr);
  QTK_CHECK(warm_up.warmup_mode == "linear" || warm_up.warmup_mode == "constant", ValueError,
            "[{}] warmup_mode, was {}, expected linear or constant", who, warm_up.warmup_mode);
}

double Schedule::operator()(int64_t update, double optimizer_rate) const {
  const double base = warm_up_.base_lr > 0 ? warm_up_.base_lr : optimizer_rate;
  if (update >= warm_up_.warmup_steps) return rate(update, base);
  if (warm_up_.warmup_mode == "constant") return warm_up_.warmup_begin_lr;
  const double share = static_cast<double>(update) / static_cast<double>(warm_up_.warmup_steps);
  return warm_up_.warmup_begin_lr + (base - warm_up_.warmup_begin_lr) * share;
}

ConstantScheduler::ConstantScheduler(const ConstantSchedulerOptions& options)
    : Schedule("constant_scheduler", options) {}

double ConstantScheduler::rate(int64_t, double base) const { return base; }

FactorScheduler::FactorScheduler(const FactorSchedulerOptions& options)
    : Schedule("factor_scheduler", options), options_(options) {
  QTK_CHECK(options.step > 0, ValueError, "[factor_scheduler] step, was {}, expected > 0", options.step);
  check_factor("factor_scheduler", options.factor);
}

double FactorScheduler::rate(int64_t update, double base) const {
  const int64_t reductions = update > 0 ? (update - 1) / options_.step : 0;
  const double reduced = base * std::pow(options_.factor, static_cast<double>(reductions));
  return std::max(reduced, std::min(base, options_.stop_factor_lr));
}

MultiFactorScheduler::MultiFactorScheduler(const MultiFactorSchedulerOptions& options)
    : Schedule("multi_factor_scheduler", options), options_(options) {
  QTK_CHECK(!options.step.empty() && options.step.front() > 0 &&
                std::is_sorted(options.step.begin(), options.step.end(), std::less_equal<>()),
            ValueError, "[multi_factor_scheduler] step, expected increasing update numbers > 0");
  check_factor("multi_factor_scheduler", options.factor);
}

double MultiFactorScheduler::rate(int64_t update, double base) const {
  const auto passed = std::lower_bound(options_.step.begin(), options_.step.end(), update) - options_.step.begin();
  return base * std::pow(options_.factor, static_cast<double>(passed));
}

PolyScheduler::PolyScheduler(const PolySchedulerOptions& options)
    : Schedule("poly_scheduler", options), options_(options) {
  check_max_update("poly_scheduler", options.max_update, options.warmup_steps);
  QTK_CHECK(options.pwr > 0, ValueError, "[poly_scheduler] pwr, was {}, expected > 0", options.pwr);
}

double PolyScheduler::rate(int64_t update, double base) const {
  const double left = 1 - share_done(update, warm_up().warmup_steps, options_.max_update);
  return options_.final_lr + (base - options_.final_lr) * std::pow(left, options_.pwr);
}

CosineScheduler::CosineScheduler(const CosineSchedulerOptions& options)
    : Schedule("cosine_scheduler", options), options_(options) {
  check_max_update("cosine_scheduler", options.max_update, options.warmup_steps);
}

double CosineScheduler::rate(int64_t update, double base) const {
  const double done = share_done(update, warm_up().warmup_steps, options_.max_update);
  return options_.final_lr + (base - options_.final_lr) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

std::unique_ptr<Schedule> make_schedule(std::string_view class_name, const Attributes& kwargs) {
  return schedules().make(class_name, kwargs);
}

std::vector<std::string> schedule_names() { return schedules().names(); }

}  // namespace quantick::optim
