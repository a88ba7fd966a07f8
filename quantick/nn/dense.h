#pragma once
#include <string>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Initializers: null means the one given to initialize().
struct DenseOptions {
  std::string activation;
  bool use_bias = true;
  bool flatten = true;
  int64_t in_units = 0;
  InitializerPtr weight_initializer = nullptr;
  InitializerPtr bias_initializer = nullptr;  ///< null: zeros
  bool quantization = false;
  static constexpr auto fields() {
    return std::make_tuple(
        field("activation", &DenseOptions::activation, "relu, sigmoid, tanh, softrelu, softsign, gelu, silu"),
        field("use_bias", &DenseOptions::use_bias, "adds a bias"),
        field("flatten", &DenseOptions::flatten, "all axes but the first are one"),
        field("in_units", &DenseOptions::in_units, "input width; 0: from the first input"),
        field("quantization", &DenseOptions::quantization, "marks the layer for quantization"));
  }
};

/// y = activation(x W^T + b), W "weight" (units, in_units), b "bias" (units,). flatten: (N, ...) -> (N, units);
/// otherwise (..., in_units) -> (..., units).
class Dense : public Block {
 public:
  /// Throws ValueError for units < 1 or an unknown activation.
  explicit Dense(int64_t units, const DenseOptions& options = {});
  std::string kind() const override { return "dense"; }
  int64_t units() const { return units_; }
  const DenseOptions& options() const { return options_; }
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  int64_t units_;
  DenseOptions options_;
  Parameter weight_, bias_;
};

}  // namespace quantick::nn
