#include "quantick/nn/zoo/transformer.h"

#include "quantick/nn/layer_norm.h"
#include "quantick/nn/rms_norm.h"
#include "quantick/ops/ops.h"

namespace quantick::nn::zoo {
namespace {

Dense dense_of(int64_t units, const TransformerOptions& options) {
  return Dense(units, {.flatten = false, .quantization = options.quantization});
}

}  // namespace

TransformerStack::TransformerStack(const TransformerOptions& options, const MultiHeadAttentionOptions& attention)
    : options_(options) {
  QTK_CHECK(options.num_layers >= 1 && options.num_layers <= 1024, ValueError,
            "[transformer] num_layers, was {}, expected 1..1024", options.num_layers);
  input_ = &add_child("input", dense_of(options.units, options));
  for (int64_t i = 0; i < options.num_layers; ++i)
    cells_.push_back(&add_child(fmt::format("cell{}", i),
                                TransformerEncoderCell(options.units, options.num_heads, options.hidden_size,
                                                       {.attention = attention,
                                                        .norm = options.norm,
                                                        .activation = options.activation,
                                                        .dropout = options.dropout,
                                                        .quantization = options.quantization})));
  if (options.norm == "rms")
    norm_ = &add_child("norm", RMSNorm());
  else
    norm_ = &add_child("norm", LayerNorm());
  output_ = &add_child("output", dense_of(options.outputs, options));
}

Array TransformerStack::encode(const Arrays& inputs) {
  Arrays values = inputs;
  values[0] = (*input_)(inputs[0]);
  for (TransformerEncoderCell* cell : cells_) values[0] = (*cell)(values)[0];
  return (*norm_)(values[0]);
}

Transformer::Transformer(const TransformerOptions& options)
    : TransformerStack(options,
                       {.axis = "time", .causal = true, .context = options.context, .recency = options.recency}) {}

Arrays Transformer::forward(const Arrays& inputs) {
  QTK_CHECK(inputs.size() == 1 && inputs[0].ndim() == 3, ShapeError, "[transformer] input, expected one of (T, N, C)");
  return {output()(sequence_last(encode(inputs)))};
}

CrossTransformer::CrossTransformer(const TransformerOptions& options) : TransformerStack(options, {.axis = "tokens"}) {}

Arrays CrossTransformer::forward(const Arrays& inputs) {
  QTK_CHECK((inputs.size() == 1 || inputs.size() == 2) && inputs[0].ndim() == 3, ShapeError,
            "[cross_transformer] inputs, expected (dates, instruments, C) and perhaps a mask (dates, instruments)");
  return {output()(encode(inputs))};
}

}  // namespace quantick::nn::zoo
