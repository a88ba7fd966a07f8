#pragma once
#include <string>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/nn/block.h"

namespace quantick::nn {

/// Gluon's defaults. Initializers: null means the one given to initialize().
struct LSTMOptions {
  int64_t num_layers = 1;
  std::string layout = "TNC";
  double dropout = 0;
  int64_t input_size = 0;
  InitializerPtr i2h_weight_initializer = nullptr;
  InitializerPtr h2h_weight_initializer = nullptr;
  InitializerPtr i2h_bias_initializer = nullptr;  ///< null: zeros
  InitializerPtr h2h_bias_initializer = nullptr;  ///< null: zeros
  bool quantization = false;
  static constexpr auto fields() {
    return std::make_tuple(field("num_layers", &LSTMOptions::num_layers, "stacked layers"),
                           field("layout", &LSTMOptions::layout, "TNC (time first) or NTC (batch first)"),
                           field("dropout", &LSTMOptions::dropout, "rate between stacked layers, in training"),
                           field("input_size", &LSTMOptions::input_size, "input width; 0: from the first input"),
                           field("quantization", &LSTMOptions::quantization, "marks the layer for quantization"));
  }
};

/// Stacked LSTM (Hochreiter & Schmidhuber 1997; gates i, f, g, o). Inputs {x} or {x, h0, c0}; x is (T, N, C) or, for
/// NTC, (N, T, C); states are (num_layers, N, hidden_size). Outputs {y}, or {y, hn, cn} where states were given, as in
/// Gluon. Parameters of layer k: lk_i2h_weight (4H, C), lk_h2h_weight (4H, H), lk_i2h_bias, lk_h2h_bias (4H,).
class LSTM final : public Block {
 public:
  /// Throws ValueError for sizes below 1, an unknown layout, dropout outside [0, 1).
  explicit LSTM(int64_t hidden_size, const LSTMOptions& options = {});
  std::string kind() const override { return "lstm"; }
  int64_t hidden_size() const { return hidden_size_; }
  const LSTMOptions& options() const { return options_; }
  /// {h0, c0} of zeros for a batch of this size.
  Arrays begin_state(int64_t batch_size) const;
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  struct Layer {
    Parameter i2h_weight, h2h_weight, i2h_bias, h2h_bias;
  };
  int64_t hidden_size_;
  LSTMOptions options_;
  std::vector<Layer> layers_;
};

}  // namespace quantick::nn
