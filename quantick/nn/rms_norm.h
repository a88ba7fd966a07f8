#pragma once
#include <string>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// A null initializer means ones.
struct RMSNormOptions {
  double epsilon = 1e-5;
  int64_t in_channels = 0;
  InitializerPtr gamma_initializer = nullptr;
  static constexpr auto fields() {
    return std::make_tuple(field("epsilon", &RMSNormOptions::epsilon, "added to the mean of squares"),
                           field("in_channels", &RMSNormOptions::in_channels, "width; 0: from the first input"));
  }
};

/// x / sqrt(mean of squares + epsilon) * gamma over the last axis (Zhang & Sennrich 2019).
class RMSNorm final : public Block {
 public:
  explicit RMSNorm(const RMSNormOptions& options = {});
  std::string kind() const override { return "rms_norm"; }
  const RMSNormOptions& options() const { return options_; }
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  RMSNormOptions options_;
  Parameter gamma_;
};

}  // namespace quantick::nn
