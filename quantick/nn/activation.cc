#include "quantick/nn/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/nn/inputs.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {

Activation::Activation(std::string_view activation) : activation_(activation) {
  check_activation(activation, "activation");
  QTK_CHECK(!activation.empty(), ValueError, "[activation] name is empty, expected relu, sigmoid, tanh, ...");
}

Arrays Activation::forward(const Arrays& inputs) { return {activate(one_input(inputs, "activation"), activation_)}; }

Arrays LeakyReLU::forward(const Arrays& inputs) { return {leaky_relu(one_input(inputs, "leaky_relu"), alpha_)}; }

void check_activation(std::string_view name, std::string_view who) {
  static const std::vector<std::string> names = {"relu", "sigmoid", "tanh", "softrelu", "softsign", "gelu", "silu"};
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string near = nearest_name(name, names);
  fail<ValueError>("[{}] activation, was {}, expected one of {}{}", who, name, fmt::join(names, ", "),
                   near.empty() ? "" : "; did you mean " + near + "?");
}

Array activate(const Array& x, std::string_view name) {
  if (name.empty()) return x;
  if (name == "relu") return relu(x);
  if (name == "sigmoid") return sigmoid(x);
  if (name == "tanh") return tanh(x);
  if (name == "softrelu") return softplus(x);
  if (name == "softsign") return softsign(x);
  if (name == "gelu") return gelu(x);
  if (name == "silu") return silu(x);
  fail<InvariantError>("Invariant: activation {} was not checked", name);
}

}  // namespace quantick::nn
