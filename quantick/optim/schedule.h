#pragma once
// Learning rates by update number, with MXNet's names and counting: the first update is number 1.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/ops/attributes.h"

namespace quantick::optim {

/// What all schedules share. base_lr 0: the optimizer's learning rate.
struct WarmUp {
  double base_lr = 0;
  int64_t warmup_steps = 0;
  double warmup_begin_lr = 0;
  std::string warmup_mode = "linear";
};

#define QTK_WARM_UP_FIELDS(Struct)                                                        \
  field("base_lr", &Struct::base_lr, "rate after the warm-up; 0: the optimizer's"),       \
      field("warmup_steps", &Struct::warmup_steps, "updates before the schedule proper"), \
      field("warmup_begin_lr", &Struct::warmup_begin_lr, "rate at update 0"),             \
      field("warmup_mode", &Struct::warmup_mode, "linear, or constant at warmup_begin_lr")

class Schedule {
 public:
  virtual ~Schedule() = default;
  /// Rate of update number `update` >= 1; `optimizer_rate` is used where base_lr is 0.
  double operator()(int64_t update, double optimizer_rate) const;
  /// Class name, as make_schedule takes it.
  virtual std::string kind() const = 0;

 protected:
  Schedule(std::string_view who, const WarmUp& warm_up);
  /// Rate after the warm-up.
  virtual double rate(int64_t update, double base) const = 0;
  const WarmUp& warm_up() const { return warm_up_; }

 private:
  WarmUp warm_up_;
};

struct ConstantSchedulerOptions : WarmUp {
  static constexpr auto fields() { return std::make_tuple(QTK_WARM_UP_FIELDS(ConstantSchedulerOptions)); }
};

class ConstantScheduler final : public Schedule {
 public:
  explicit ConstantScheduler(const ConstantSchedulerOptions& options = {});
  std::string kind() const override { return "ConstantScheduler"; }

 protected:
  double rate(int64_t update, double base) const override;
};

struct FactorSchedulerOptions : WarmUp {
  int64_t step = 1000;
  double factor = 0.5;
  double stop_factor_lr = 1e-8;
  static constexpr auto fields() {
    return std::make_tuple(field("step", &FactorSchedulerOptions::step, "updates between two reductions"),
                           field("factor", &FactorSchedulerOptions::factor, "of each reduction, at most 1"),
                           field("stop_factor_lr", &FactorSchedulerOptions::stop_factor_lr, "smallest rate"),
                           QTK_WARM_UP_FIELDS(FactorSchedulerOptions));
  }
};

/// base * factor^floor((update - 1) / step).
class FactorScheduler final : public Schedule {
 public:
  explicit FactorScheduler(const FactorSchedulerOptions& options);
  std::string kind() const override { return "FactorScheduler"; }

 protected:
  double rate(int64_t update, double base) const override;

 private:
  FactorSchedulerOptions options_;
};

struct MultiFactorSchedulerOptions : WarmUp {
  std::vector<int64_t> step;
  double factor = 0.1;
  static constexpr auto fields() {
    return std::make_tuple(field("step", &MultiFactorSchedulerOptions::step, "updates after which the rate is reduced"),
                           field("factor", &MultiFactorSchedulerOptions::factor, "of each reduction, at most 1"),
                           QTK_WARM_UP_FIELDS(MultiFactorSchedulerOptions));
  }
};

/// base * factor^(number of steps below update).
class MultiFactorScheduler final : public Schedule {
 public:
  explicit MultiFactorScheduler(const MultiFactorSchedulerOptions& options);
  std::string kind() const override { return "MultiFactorScheduler"; }

 protected:
  double rate(int64_t update, double base) const override;

 private:
  MultiFactorSchedulerOptions options_;
};

struct PolySchedulerOptions : WarmUp {
  int64_t max_update = 0;
  double pwr = 2;
  double final_lr = 0;
  static constexpr auto fields() {
    return std::make_tuple(
        field("max_update", &PolySchedulerOptions::max_update, "update at which final_lr is reached"),
        field("pwr", &PolySchedulerOptions::pwr, "power of the decay"),
        field("final_lr", &PolySchedulerOptions::final_lr, "rate at the end"),
        QTK_WARM_UP_FIELDS(PolySchedulerOptions));
  }
};

/// final + (base - final) * (1 - s)^pwr, s the share done of the updates after the warm-up.
class PolyScheduler final : public Schedule {
 public:
  explicit PolyScheduler(const PolySchedulerOptions& options);
  std::string kind() const override { return "PolyScheduler"; }

 protected:
  double rate(int64_t update, double base) const override;

 private:
  PolySchedulerOptions options_;
};

struct CosineSchedulerOptions : WarmUp {
  int64_t max_update = 0;
  double final_lr = 0;
  static constexpr auto fields() {
    return std::make_tuple(
        field("max_update", &CosineSchedulerOptions::max_update, "update at which final_lr is reached"),
        field("final_lr", &CosineSchedulerOptions::final_lr, "rate at the end"),
        QTK_WARM_UP_FIELDS(CosineSchedulerOptions));
  }
};

/// final + (base - final) * (1 + cos(pi s)) / 2 (Loshchilov & Hutter 2017, without restarts).
class CosineScheduler final : public Schedule {
 public:
  explicit CosineScheduler(const CosineSchedulerOptions& options);
  std::string kind() const override { return "CosineScheduler"; }

 protected:
  double rate(int64_t update, double base) const override;

 private:
  CosineSchedulerOptions options_;
};

/// By class name with keyword arguments. Throws ValueError with the nearest name.
std::unique_ptr<Schedule> make_schedule(std::string_view class_name, const Attributes& kwargs = {});
std::vector<std::string> schedule_names();

}  // namespace quantick::optim
