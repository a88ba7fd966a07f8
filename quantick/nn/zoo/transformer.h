#pragma once
// Transformers for market data: over time, and across the instruments of a date.
#include <string>
#include <vector>

#include "quantick/nn/transformer.h"

namespace quantick::nn::zoo {

/// Sizes of both networks.
struct TransformerOptions {
  int64_t units = 32;
  int64_t num_heads = 4;
  int64_t hidden_size = 64;
  int64_t num_layers = 2;
  int64_t outputs = 1;
  int64_t context = 64;
  double recency = 1;
  double dropout = 0;
  std::string norm = "layer";
  std::string activation = "gelu";
  bool quantization = false;
  static constexpr auto fields() {
    using O = TransformerOptions;
    return std::make_tuple(
        field("units", &O::units, "channels between layers"), field("num_heads", &O::num_heads, "of attention"),
        field("hidden_size", &O::hidden_size, "of the feed-forward networks"),
        field("num_layers", &O::num_layers, "cells"), field("outputs", &O::outputs, "of the head"),
        field("context", &O::context, "over time: steps that each cell attends to, the newest included"),
        field("recency", &O::recency, "over time: how fast scores fall with age; 0: the order of steps is not seen"),
        field("dropout", &O::dropout, "rate on all branches, in training"), field("norm", &O::norm, "layer or rms"),
        field("activation", &O::activation, "of the feed-forward networks: gelu, relu, silu, ..."),
        field("quantization", &O::quantization, "marks all Dense layers and attentions for quantization"));
  }
};

/// What both share: projection ("input"), cells ("cell0", ...), norm, head ("output").
class TransformerStack : public Block {
 public:
  const TransformerOptions& options() const { return options_; }

 protected:
  /// Throws ValueError for sizes below 1 or unknown names.
  TransformerStack(const TransformerOptions& options, const MultiHeadAttentionOptions& attention);
  /// All but the head.
  Array encode(const Arrays& inputs);
  Dense& output() { return *output_; }

 private:
  TransformerOptions options_;
  Dense* input_;
  std::vector<TransformerEncoderCell*> cells_;
  Block* norm_;
  Dense* output_;
};

/// (T, N, C) -> (N, outputs): causal cells over time, then the newest step. A step sees the past alone, so that a
/// stream with a cache of `context` keys per cell computes the same. The order of steps reaches attention through
/// `recency`: a table of positions would change at every tick of a stream whose state is carried on.
class Transformer final : public TransformerStack {
 public:
  explicit Transformer(const TransformerOptions& options = {});
  std::string kind() const override { return "transformer"; }
  Arrays forward(const Arrays& inputs) override;
};

/// (dates, instruments, C) -> (dates, instruments, outputs): each instrument is a token that attends to all of its
/// date; C holds its features, a window of the past among them. Inputs {x} or {x, mask}, mask (dates, instruments) with
/// 0 for instruments that are not there. No instrument has a place: exchanging two exchanges their outputs.
class CrossTransformer final : public TransformerStack {
 public:
  explicit CrossTransformer(const TransformerOptions& options = {});
  std::string kind() const override { return "cross_transformer"; }
  Arrays forward(const Arrays& inputs) override;
};

}  // namespace quantick::nn::zoo
