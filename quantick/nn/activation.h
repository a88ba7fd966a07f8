#pragma once
#include <string>
#include <string_view>

#include "quantick/nn/block.h"

namespace quantick::nn {

/// "relu", "sigmoid", "tanh", "softrelu" (log(1 + e^x)), "softsign" (x / (1 + |x|)), "gelu" (by erf) or "silu": Gluon's
/// names.
class Activation final : public Block {
 public:
  explicit Activation(std::string_view activation);
  std::string kind() const override { return "activation"; }
  const std::string& activation() const { return activation_; }
  Arrays forward(const Arrays& inputs) override;

 private:
  std::string activation_;
};

/// x, or alpha * x where x is negative.
class LeakyReLU final : public Block {
 public:
  explicit LeakyReLU(double alpha = 0.01) : alpha_(alpha) {}
  std::string kind() const override { return "leaky_relu"; }
  Arrays forward(const Arrays& inputs) override;

 private:
  double alpha_;
};

/// Throws ValueError with the nearest name; "" (no activation) passes. `who` stands in brackets.
void check_activation(std::string_view name, std::string_view who);

/// Applies an activation by name; x itself for "".
Array activate(const Array& x, std::string_view name);

}  // namespace quantick::nn
