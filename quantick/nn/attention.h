#pragma once
#include <string>

#include "quantick/core/fields.h"
#include "quantick/nn/dense.h"

namespace quantick::nn {

/// What multi-head attention attends over, and how.
struct MultiHeadAttentionOptions {
  std::string axis = "time";
  bool causal = false;
  int64_t context = 0;
  double recency = 0;
  int64_t kv_heads = 0;
  bool use_bias = true;
  double dropout = 0;
  InitializerPtr weight_initializer = nullptr;  ///< null: the one given to initialize()
  bool quantization = false;
  static constexpr auto fields() {
    using O = MultiHeadAttentionOptions;
    return std::make_tuple(
        field("axis", &O::axis,
              "time: x is (T, N, C), steps attend to steps; tokens: x is (..., L, C), the tokens of "
              "one row attend to each other (instruments of a date)"),
        field("causal", &O::causal, "a step (token) attends to itself and earlier ones"),
        field("context", &O::context, "causal over time: to the last so many steps, at least 1; what a stream keeps"),
        field("recency", &O::recency, "causal over time: how fast scores fall with age (ALiBi); 0: order is not seen"),
        field("kv_heads", &O::kv_heads, "heads of keys and values, which share them; 0: num_heads"),
        field("use_bias", &O::use_bias, "of the four projections"),
        field("dropout", &O::dropout, "rate on the output, in training"),
        field("quantization", &O::quantization, "marks the layer for quantization"));
  }
};

/// proj(attention(query(x), key(x), value(x))) (Vaswani et al. 2017): four Dense layers of `units` (keys and values:
/// units / num_heads * kv_heads). Inputs {x} or {q, k, v}; over tokens also {x, mask} or {q, k, v, mask}, mask (..., L)
/// with 0 for tokens that are not attended. Output as x with `units` channels.
class MultiHeadAttention final : public Block {
 public:
  /// Throws ValueError for units that num_heads does not divide, an unknown axis, or a context that does not fit it.
  MultiHeadAttention(int64_t units, int64_t num_heads, const MultiHeadAttentionOptions& options = {});
  std::string kind() const override { return "multi_head_attention"; }
  int64_t units() const { return units_; }
  int64_t num_heads() const { return num_heads_; }
  const MultiHeadAttentionOptions& options() const { return options_; }
  Arrays forward(const Arrays& inputs) override;

 private:
  Dense& add_projection(const std::string& name, int64_t units);

  int64_t units_, num_heads_;
  MultiHeadAttentionOptions options_;
  Dense &query_, &key_, &value_, &proj_;
};

}  // namespace quantick::nn
