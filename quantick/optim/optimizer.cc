#include "quantick/optim/optimizer.h"

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/optim/class_table.h"

namespace quantick::optim {
namespace {

/// Elements per chunk: a few microseconds of work.
constexpr int64_t kGrain = 16384;

void check_common(std::string_view who, double learning_rate, double wd) {
  QTK_CHECK(learning_rate > 0, ValueError, "[{}] learning_rate, was {}, expected > 0", who, learning_rate);
  QTK_CHECK(wd >= 0, ValueError, "[{}] wd, was {}, expected >= 0", who, wd);
}

void check_adam(std::string_view who, double learning_rate, double wd, double beta1, double beta2, double epsilon) {
  check_common(who, learning_rate, wd);
  QTK_CHECK(beta1 >= 0 && beta1 < 1, ValueError, "[{}] beta1, was {}, expected 0 <= beta1 < 1", who, beta1);
  QTK_CHECK(beta2 >= 0 && beta2 < 1, ValueError, "[{}] beta2, was {}, expected 0 <= beta2 < 1", who, beta2);
  QTK_CHECK(epsilon > 0, ValueError, "[{}] epsilon, was {}, expected > 0", who, epsilon);
}

struct AdamStep {
  double learning_rate, beta1, beta2, epsilon;
  double penalty;    ///< added to the gradient, times the weight
  double shrinkage;  ///< the weight is multiplied by 1 - shrinkage
  int64_t t;
};

void adam_step(float* weight, const float* gradient, float* m, float* v, int64_t size, const AdamStep& s) {
  const double correction1 = 1 - std::pow(s.beta1, static_cast<double>(s.t));
  const double correction2 = 1 - std::pow(s.beta2, static_cast<double>(s.t));
  const auto beta1 = static_cast<float>(s.beta1), rest1 = static_cast<float>(1 - s.beta1);
  const auto beta2 = static_cast<float>(s.beta2), rest2 = static_cast<float>(1 - s.beta2);
  const auto rate = static_cast<float>(s.learning_rate / correction1);
  const auto root = static_cast<float>(1 / std::sqrt(correction2));
  const auto epsilon = static_cast<float>(s.epsilon), penalty = static_cast<float>(s.penalty);
  const auto keep = static_cast<float>(1 - s.shrinkage);
  parallel_ranges(size, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient[i] + penalty * weight[i];
      m[i] = beta1 * m[i] + rest1 * g;
      v[i] = beta2 * v[i] + rest2 * (g * g);
      weight[i] = keep * weight[i] - rate * (m[i] / (std::sqrt(v[i]) * root + epsilon));
    }
  });
}

const ClassTable<Optimizer>& optimizers() {
  static const ClassTable<Optimizer> table("optimizer", {
                                                            class_entry<Optimizer, SGD, SGDOptions>("SGD"),
                                                            class_entry<Optimizer, Adam, AdamOptions>("Adam"),
                                                            class_entry<Optimizer, AdamW, AdamWOptions>("AdamW"),
                                                        });
  return table;
}

}  // namespace

void Optimizer::step(std::span<Array> parameters, std::span<const Array> gradients, double learning_rate) {
  QTK_CHECK(parameters.size() == gradients.size(), ValueError, "[optimizer] gradients, was {}, expected {}",
            gradients.size(), parameters.size());
  const size_t names = state_names().size();
  if (states_.empty()) {
    for (const Array& parameter : parameters) {
      Arrays made;
      for (size_t s = 0; s < names; ++s) made.push_back(Array::zeros(parameter.shape(), DType::f32));
      states_.push_back(std::move(made));
    }
  }
  QTK_CHECK(states_.size() == parameters.size(), ValueError, "[optimizer] parameters, was {}, expected {}",
            parameters.size(), states_.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    Array& parameter = parameters[i];
    QTK_CHECK(parameter.dtype() == DType::f32 && gradients[i].dtype() == DType::f32, TypeError,
              "[optimizer] dtype of parameter {}, was {}, expected float32", i, dtype_name(parameter.dtype()));
    QTK_CHECK(gradients[i].shape() == parameter.shape(), ShapeError,
              "[optimizer] gradient {}, was {}, expected the parameter's shape {}", i, gradients[i].shape().text(),
              parameter.shape().text());
    for (const Array& state : states_[i])
      QTK_CHECK(state.shape() == parameter.shape(), ShapeError,
                "[optimizer] state of parameter {}, was {}, expected {}", i, state.shape().text(),
                parameter.shape().text());
  }
  ++steps_;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Array gradient = gradients[i].contiguous();
    std::vector<float*> states;
    for (Array& state : states_[i]) states.push_back(state.mutable_data<float>());
    update({parameters[i].mutable_data<float>(), gradient.data<float>(), states, parameters[i].size(), learning_rate,
            steps_});
  }
}

void Optimizer::restore(int64_t steps, const std::vector<Arrays>& states) {
  QTK_CHECK(steps >= 0, ValueError, "[optimizer] steps, was {}, expected >= 0", steps);
  std::vector<Arrays> copies;
  for (const Arrays& of_parameter : states) {
    QTK_CHECK(of_parameter.size() == state_names().size(), ValueError, "[optimizer] states, was {}, expected {} for {}",
              of_parameter.size(), state_names().size(), kind());
    Arrays made;
    for (const Array& state : of_parameter) made.push_back(state.copy());
    copies.push_back(std::move(made));
  }
  states_ = std::move(copies);
  steps_ = steps;
}

SGD::SGD(const SGDOptions& options) : options_(options) {
  check_common("sgd", options.learning_rate, options.wd);
  QTK_CHECK(options.momentum >= 0 && options.momentum < 1, ValueError,
            "[sgd] momentum, was {}, expected 0 <= momentum < 1", options.momentum);
  QTK_CHECK(!options.nesterov || options.momentum > 0, ValueError, "[sgd] nesterov needs a momentum > 0");
}

std::vector<std::string> SGD::state_names() const {
  if (options_.momentum == 0) return {};
  return {"mom"};
}

void SGD::update(const Update& u) const {
  const auto rate = static_cast<float>(u.learning_rate), wd = static_cast<float>(options_.wd);
  const auto momentum = static_cast<float>(options_.momentum);
  float* const mom = u.states.empty() ? nullptr : u.states[0];
  parallel_ranges(u.size, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float push = -rate * (u.gradient[i] + wd * u.weight[i]);
      if (mom == nullptr) {
        u.weight[i] += push;
        continue;
      }
      mom[i] = momentum * mom[i] + push;
      u.weight[i] += options_.nesterov ? momentum * mom[i] + push : mom[i];
    }
  });
}

Adam::Adam(const AdamOptions& options) : options_(options) {
  check_adam("adam", options.learning_rate, options.wd, options.beta1, options.beta2, options.epsilon);
}

void Adam::update(const Update& u) const {
  const AdamOptions& o = options_;
  adam_step(u.weight, u.gradient, u.states[0], u.states[1], u.size,
            {u.learning_rate, o.beta1, o.beta2, o.epsilon, o.wd, 0, u.t});
}

AdamW::AdamW(const AdamWOptions& options) : options_(options) {
  check_adam("adamw", options.learning_rate, options.wd, options.beta1, options.beta2, options.epsilon);
}

void AdamW::update(const Update& u) const {
  const AdamWOptions& o = options_;
  adam_step(u.weight, u.gradient, u.states[0], u.states[1], u.size,
            {u.learning_rate, o.beta1, o.beta2, o.epsilon, 0, u.learning_rate * o.wd, u.t});
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view class_name, const Attributes& kwargs) {
  return optimizers().make(class_name, kwargs);
}

std::vector<std::string> optimizer_names() { return optimizers().names(); }

double global_norm(std::span<const Array> arrays) {
  double squares = 0;
  for (const Array& array : arrays) {
    const Array dense = array.contiguous();
    const float* const values = dense.data<float>();
    for (int64_t i = 0; i < dense.size(); ++i) squares += static_cast<double>(values[i]) * values[i];
  }
  return std::sqrt(squares);
}

double clip_global_norm(std::span<Array> arrays, double max_norm) {
  QTK_CHECK(max_norm > 0, ValueError, "[clip_global_norm] max_norm, was {}, expected > 0", max_norm);
  const double norm = global_norm(arrays);
  if (!std::isfinite(norm) || norm <= max_norm) return norm;
  const auto factor = static_cast<float>(max_norm / norm);
  for (Array& array : arrays) {
    if (!array.is_contiguous()) array = array.contiguous();
    float* const values = array.mutable_data<float>();
    for (int64_t i = 0; i < array.size(); ++i) values[i] *= factor;
  }
  return norm;
}

}  // namespace quantick::optim
