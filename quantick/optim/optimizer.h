#pragma once
// Optimizers update arrays in place from their gradients. float32; the same bits for any number of threads.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/ops/operator.h"

namespace quantick::optim {

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One step on all parameters, always given in the same order; states are made at the first. `learning_rate` is the
  /// schedule's value for this step. Throws ShapeError and TypeError where arrays do not fit.
  void step(std::span<Array> parameters, std::span<const Array> gradients, double learning_rate);

  /// Steps done: t of the formulas is steps() + 1 in the next one.
  int64_t steps() const { return steps_; }
  /// Learning rate without a schedule.
  virtual double learning_rate() const = 0;
  /// Class name, as make_optimizer takes it.
  virtual std::string kind() const = 0;
  /// "m", "v", ...: one state array of each name per parameter.
  virtual std::vector<std::string> state_names() const = 0;
  /// States of parameter i in the order of state_names(); empty before the first step.
  const std::vector<Arrays>& states() const { return states_; }
  /// Continues as if `steps` steps had led to these states (copied). Throws ValueError for a wrong number of states.
  void restore(int64_t steps, const std::vector<Arrays>& states);

 protected:
  struct Update {
    float* weight;
    const float* gradient;
    std::span<float* const> states;
    int64_t size;
    double learning_rate;
    int64_t t;  ///< 1 in the first step
  };
  virtual void update(const Update& u) const = 0;

 private:
  std::vector<Arrays> states_;
  int64_t steps_ = 0;
};

/// MXNet's defaults.
struct SGDOptions {
  double learning_rate = 0.01;
  double momentum = 0;
  double wd = 0;
  bool nesterov = false;
  static constexpr auto fields() {
    return std::make_tuple(field("learning_rate", &SGDOptions::learning_rate, "step size without a schedule"),
                           field("momentum", &SGDOptions::momentum, "share of the last step that is kept"),
                           field("wd", &SGDOptions::wd, "L2 penalty, added to the gradient"),
                           field("nesterov", &SGDOptions::nesterov, "looks ahead by the momentum"));
  }
};

/// MXNet's form: g += wd w; mom = momentum mom - lr g; w += mom, with nesterov w += momentum mom - lr g. (PyTorch keeps
/// the learning rate out of its buffer: the same steps as long as the rate is constant.)
class SGD final : public Optimizer {
 public:
  explicit SGD(const SGDOptions& options = {});
  double learning_rate() const override { return options_.learning_rate; }
  std::string kind() const override { return "SGD"; }
  std::vector<std::string> state_names() const override;

 protected:
  void update(const Update& u) const override;

 private:
  SGDOptions options_;
};

struct AdamOptions {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double wd = 0;
  static constexpr auto fields() {
    return std::make_tuple(field("learning_rate", &AdamOptions::learning_rate, "step size without a schedule"),
                           field("beta1", &AdamOptions::beta1, "decay of the mean"),
                           field("beta2", &AdamOptions::beta2, "decay of the mean square"),
                           field("epsilon", &AdamOptions::epsilon, "added to the root"),
                           field("wd", &AdamOptions::wd, "L2 penalty, added to the gradient"));
  }
};

/// Kingma & Ba 2015, algorithm 1, as PyTorch has it: w -= lr mhat / (sqrt(vhat) + epsilon). (MXNet adds epsilon before
/// the correction of v.)
class Adam final : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options = {});
  double learning_rate() const override { return options_.learning_rate; }
  std::string kind() const override { return "Adam"; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }

 protected:
  void update(const Update& u) const override;

 private:
  AdamOptions options_;
};

struct AdamWOptions {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double wd = 0.01;
  static constexpr auto fields() {
    return std::make_tuple(field("learning_rate", &AdamWOptions::learning_rate, "step size without a schedule"),
                           field("beta1", &AdamWOptions::beta1, "decay of the mean"),
                           field("beta2", &AdamWOptions::beta2, "decay of the mean square"),
                           field("epsilon", &AdamWOptions::epsilon, "added to the root"),
                           field("wd", &AdamWOptions::wd, "decay of the weights themselves, times the learning rate"));
  }
};

/// Loshchilov & Hutter 2019 with PyTorch's defaults: w *= 1 - lr wd, then Adam's step without penalty.
class AdamW final : public Optimizer {
 public:
  explicit AdamW(const AdamWOptions& options = {});
  double learning_rate() const override { return options_.learning_rate; }
  std::string kind() const override { return "AdamW"; }
  std::vector<std::string> state_names() const override { return {"m", "v"}; }

 protected:
  void update(const Update& u) const override;

 private:
  AdamWOptions options_;
};

/// By class name with keyword arguments. Throws ValueError with the nearest name.
std::unique_ptr<Optimizer> make_optimizer(std::string_view class_name, const Attributes& kwargs = {});
std::vector<std::string> optimizer_names();

/// Root of the sum of squares over all arrays, in double and in order.
double global_norm(std::span<const Array> arrays);

/// Scales all arrays in place so that their global norm is at most max_norm > 0 (Pascanu et al. 2013); returns the norm
/// before. Arrays stay as they are where the norm is not finite.
double clip_global_norm(std::span<Array> arrays, double max_norm);

}  // namespace quantick::optim
