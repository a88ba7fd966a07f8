#include "quantick/nn/transformer.h"

#include "quantick/nn/activation.h"
#include "quantick/nn/dropout.h"
#include "quantick/nn/layer_norm.h"
#include "quantick/nn/rms_norm.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {
namespace {

TransformerEncoderCellOptions checked(TransformerEncoderCellOptions options) {
  QTK_CHECK(options.norm == "layer" || options.norm == "rms", ValueError,
            "[transformer_encoder_cell] norm, was {}, expected layer or rms", options.norm);
  check_activation(options.activation, "transformer_encoder_cell");
  QTK_CHECK(options.dropout >= 0 && options.dropout < 1, ValueError,
            "[transformer_encoder_cell] dropout, was {}, expected 0 <= rate < 1", options.dropout);
  options.attention.dropout = options.dropout;
  options.attention.quantization |= options.quantization;
  return options;
}

}  // namespace

TransformerEncoderCell::TransformerEncoderCell(int64_t units, int64_t num_heads, int64_t hidden_size,
                                               const TransformerEncoderCellOptions& options)
    : options_(checked(options)),
      attention_norm_(add_norm("attention_norm")),
      attention_(add_child("attention", MultiHeadAttention(units, num_heads, options_.attention))),
      ffn_norm_(add_norm("ffn_norm")),
      ffn1_(add_child(
          "ffn1", Dense(hidden_size,
                        {.activation = options_.activation, .flatten = false, .quantization = options_.quantization}))),
      ffn2_(add_child("ffn2", Dense(units, {.flatten = false, .quantization = options_.quantization}))) {}

Block& TransformerEncoderCell::add_norm(const std::string& name) {
  if (options_.norm == "rms") return add_child(name, RMSNorm());
  return add_child(name, LayerNorm());
}

Arrays TransformerEncoderCell::forward(const Arrays& inputs) {
  QTK_CHECK(inputs.size() == 1 || inputs.size() == 2, ValueError,
            "[transformer_encoder_cell] inputs, was {}, expected {{x}} or {{x, mask}} (layer \"{}\")", inputs.size(),
            name());
  const bool pre = options_.pre_norm;
  const auto attend = [&](const Array& x) {
    Arrays arguments = inputs;
    arguments[0] = x;
    return attention_(arguments)[0];
  };
  const auto feed = [&](const Array& x) { return dropout_in_training(ffn2_(ffn1_(x)), options_.dropout); };
  Array x = inputs[0];
  x = pre ? x + attend(attention_norm_(x)) : attention_norm_(x + attend(x));
  x = pre ? x + feed(ffn_norm_(x)) : ffn_norm_(x + feed(x));
  return {x};
}

}  // namespace quantick::nn
