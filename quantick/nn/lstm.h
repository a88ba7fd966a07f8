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
  bool bidirectional = false;
  int64_t input_size = 0;
  int64_t projection_size = 0;
  InitializerPtr i2h_weight_initializer = nullptr;
  InitializerPtr h2h_weight_initializer = nullptr;
  InitializerPtr i2h_bias_initializer = nullptr;  ///< null: zeros
  InitializerPtr h2h_bias_initializer = nullptr;  ///< null: zeros
  InitializerPtr h2r_weight_initializer = nullptr;
  bool quantization = false;
  static constexpr auto fields() {
    return std::make_tuple(field("num_layers", &LSTMOptions::num_layers, "stacked layers"),
                           field("layout", &LSTMOptions::layout, "TNC (time first) or NTC (batch first)"),
                           field("dropout", &LSTMOptions::dropout, "rate between stacked layers, in training"),
                           field("bidirectional", &LSTMOptions::bidirectional,
                                 "a second LSTM reads each layer's input from the newest step to the oldest"),
                           field("projection_size", &LSTMOptions::projection_size,
                                 "width to which the hidden state is projected; 0: no projection"),
                           field("input_size", &LSTMOptions::input_size, "input width; 0: from the first input"),
                           field("quantization", &LSTMOptions::quantization, "marks the layer for quantization"));
  }
};

/// Stacked LSTM (Hochreiter & Schmidhuber 1997; gates i, f, g, o), with a projection LSTMP (Sak et al. 2014). Inputs
/// {x} or {x, h0, c0}; x is (T, N, C) or, for NTC, (N, T, C). With D directions and P = projection_size, or hidden_size
/// where that is 0: y is (T, N, D * P), the forward direction first; h0, hn (num_layers * D, N, P), c0, cn (num_layers
/// * D, N, H), the directions of a layer side by side. Outputs {y}, or {y, hn, cn} where states were given, as in
/// Gluon. Parameters of layer k: lk_i2h_weight (4H, C), lk_h2h_weight (4H, P), lk_h2r_weight (P, H) with a projection,
/// lk_i2h_bias, lk_h2h_bias (4H,); of its backward direction the same with rk.
///
/// Quantized, it has by default what measurements recommend (docs/numerics.md, section 1): int8 weights, gates and cell
/// in float32, a hidden state of 16 bits. Narrower ones are asked for in the quantization settings, tensor by tensor.
class LSTM : public Block {
 public:
  /// Throws ValueError for sizes below 1 (projection_size: below 0), an unknown layout, dropout outside [0, 1).
  explicit LSTM(int64_t hidden_size, const LSTMOptions& options = {});
  std::string kind() const override { return "lstm"; }
  int64_t hidden_size() const { return hidden_size_; }
  const LSTMOptions& options() const { return options_; }
  /// {h0, c0} of zeros for a batch of this size.
  Arrays begin_state(int64_t batch_size) const;
  void infer_shapes(const Types& inputs) override;
  Arrays forward(const Arrays& inputs) override;

 private:
  /// One direction of one layer.
  struct Layer {
    Parameter i2h_weight, h2h_weight, h2r_weight, i2h_bias, h2h_bias;
  };
  int64_t directions() const { return options_.bidirectional ? 2 : 1; }
  int64_t output_size() const { return options_.projection_size > 0 ? options_.projection_size : hidden_size_; }
  Arrays run_layer(const Layer& layer, const Array& x, const Array& h0, const Array& c0) const;
  int64_t hidden_size_;
  LSTMOptions options_;
  std::vector<Layer> layers_;  ///< layer by layer, its directions side by side
};

}  // namespace quantick::nn
