#pragma once
#include <string>

#include "quantick/nn/attention.h"

namespace quantick::nn {

/// One cell of a transformer.
struct TransformerEncoderCellOptions {
  MultiHeadAttentionOptions attention;
  bool pre_norm = true;
  std::string norm = "layer";
  std::string activation = "gelu";
  double dropout = 0;
  bool quantization = false;
  static constexpr auto fields() {
    using O = TransformerEncoderCellOptions;
    return std::make_tuple(
        field("pre_norm", &O::pre_norm, "normalize what attention and feed-forward read; else the sums behind them"),
        field("norm", &O::norm, "layer or rms"),
        field("activation", &O::activation, "of the feed-forward network: gelu, relu, silu, ..."),
        field("dropout", &O::dropout, "rate on both branches, in training"),
        field("quantization", &O::quantization, "marks attention and feed-forward for quantization"));
  }
};

/// Attention and a feed-forward network of `hidden_size`, each with a residual sum and a norm. Inputs {x} or, over
/// tokens, {x, mask}; x has `units` channels, and so has the output.
class TransformerEncoderCell final : public Block {
 public:
  /// Throws ValueError for sizes below 1 or unknown names.
  TransformerEncoderCell(int64_t units, int64_t num_heads, int64_t hidden_size,
                         const TransformerEncoderCellOptions& options = {});
  std::string kind() const override { return "transformer_encoder_cell"; }
  const TransformerEncoderCellOptions& options() const { return options_; }
  Arrays forward(const Arrays& inputs) override;

 private:
  Block& add_norm(const std::string& name);

  TransformerEncoderCellOptions options_;
  Block& attention_norm_;
  MultiHeadAttention& attention_;
  Block& ffn_norm_;
  Dense &ffn1_, &ffn2_;
};

}  // namespace quantick::nn
