#pragma once
#include <string>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Initializers: null means ones for gamma and running_var, zeros for beta and running_mean.
struct BatchNormOptions {
  int64_t axis = 1;
  double momentum = 0.9;
  double epsilon = 1e-5;
  bool center = true;
  bool scale = true;
  bool use_global_stats = false;
  int64_t in_channels = 0;
  InitializerPtr beta_initializer = nullptr;
  InitializerPtr gamma_initializer = nullptr;
  InitializerPtr running_mean_initializer = nullptr;
  InitializerPtr running_variance_initializer = nullptr;
  static constexpr auto fields() {
    using B = BatchNormOptions;
    return std::make_tuple(
        field("axis", &B::axis, "of the channels"),
        field("momentum", &B::momentum, "share of the running statistics that stays at each step of training"),
        field("epsilon", &B::epsilon, "added to the variance"), field("center", &B::center, "trains beta; else 0"),
        field("scale", &B::scale, "trains gamma; else 1"),
        field("use_global_stats", &B::use_global_stats, "normalize by the running statistics in training too"),
        field("in_channels", &B::in_channels, "channels; 0: from the first input"));
  }
};

/// Batch normalization (Ioffe & Szegedy 2015). In training the statistics of the batch normalize and move running_mean
/// and running_var, which keep no gradient; else those normalize.
class BatchNorm final : public Block {
 public:
  /// Throws ValueError for epsilon <= 0 or a momentum outside 0..1.
  explicit BatchNorm(const BatchNormOptions& options = {});
  std::string kind() const override { return "batch_norm"; }
  const BatchNormOptions& options() const { return options_; }
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  BatchNormOptions options_;
  Parameter gamma_, beta_, running_mean_, running_var_;
};

}  // namespace quantick::nn
