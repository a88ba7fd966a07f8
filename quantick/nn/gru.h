#pragma once
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Initializers: null means the one given to initialize().
struct GRUOptions {
  int64_t num_layers = 1;
  std::string layout = "TNC";
  double dropout = 0;
  bool bidirectional = false;
  int64_t input_size = 0;
  InitializerPtr i2h_weight_initializer = nullptr;
  InitializerPtr h2h_weight_initializer = nullptr;
  InitializerPtr i2h_bias_initializer = nullptr;  ///< null: zeros
  InitializerPtr h2h_bias_initializer = nullptr;  ///< null: zeros
  bool quantization = false;
  static constexpr auto fields() {
    return std::make_tuple(field("num_layers", &GRUOptions::num_layers, "stacked layers"),
                           field("layout", &GRUOptions::layout, "TNC (time first) or NTC (batch first)"),
                           field("dropout", &GRUOptions::dropout, "rate between stacked layers, in training"),
                           field("bidirectional", &GRUOptions::bidirectional,
                                 "a second GRU reads each layer's input from the newest step to the oldest"),
                           field("input_size", &GRUOptions::input_size, "input width; 0: from the first input"),
                           field("quantization", &GRUOptions::quantization, "marks the layer for quantization"));
  }
};

/// Stacked GRU (Cho et al. 2014; gates r, z, n) in the form of Gluon, PyTorch and cuDNN, which resets after the
/// recurrent product: n = tanh(W x + b + r * (R h + c)). Inputs {x} or {x, h0}; x is (T, N, C) or, for NTC, (N, T, C).
/// With D directions: y is (T, N, D * H), the forward direction first; h0, hn (num_layers * D, N, H), the directions of
/// a layer side by side. Outputs {y}, or {y, hn} where the state was given, as in Gluon. Parameters of layer k:
/// lk_i2h_weight (3H, C), lk_h2h_weight (3H, H), lk_i2h_bias, lk_h2h_bias (3H,); of its backward direction the same
/// with rk.
class GRU : public Block {
 public:
  /// Throws ValueError for sizes below 1, an unknown layout, dropout outside [0, 1).
  explicit GRU(int64_t hidden_size, const GRUOptions& options = {});
  std::string kind() const override { return "gru"; }
  int64_t hidden_size() const { return hidden_size_; }
  const GRUOptions& options() const { return options_; }
  /// {h0} of zeros for a batch of this size.
  Arrays begin_state(int64_t batch_size) const;
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  /// One direction of one layer.
  struct Layer {
    Parameter i2h_weight, h2h_weight, i2h_bias, h2h_bias;
  };
  int64_t directions() const { return options_.bidirectional ? 2 : 1; }
  int64_t hidden_size_;
  GRUOptions options_;
  std::vector<Layer> layers_;  ///< layer by layer, its directions side by side
};

}  // namespace quantick::nn
