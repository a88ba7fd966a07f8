#pragma once
// Scaled dot-product attention (Vaswani et al. 2017) as the three operators of this folder share it: sizes, forward,
// backward, truth. attention: over the tokens of one row; causal_attention and sequence_attention: over time.
#include <span>
#include <string_view>

#include "quantick/ops/operator.h"

namespace quantick {

/// Sizes of a call. A "row" is what attends within itself: the tokens of one frame, or the steps of one batch row.
struct AttentionSizes {
  int64_t rows = 0, queries = 0, keys = 0;
  int64_t heads = 1, kv_heads = 1;     ///< head h reads the keys and values of kv head h / (heads / kv_heads)
  int64_t width = 0, value_width = 0;  ///< of one head
  bool causal = false;                 ///< query i attends to keys 0..i
  int64_t context = 0;                 ///< of those, to the last so many; 0: all
  double scale = 0;                    ///< of scores
  double recency = 0;                  ///< scores lose slope(head) for each key between theirs and the query's own
  bool time_major = false;             ///< [steps, rows, channels], else [rows, tokens, channels]

  int64_t query_channels() const { return heads * width; }
  int64_t key_channels() const { return kv_heads * width; }
  int64_t value_channels() const { return kv_heads * value_width; }
  int64_t output_channels() const { return heads * value_width; }
  /// recency * 2^(-8 (head + 1) / heads): heads look back over spans that grow by equal factors (ALiBi, Press et al.
  /// 2022).
  float slope(int64_t head) const;
  int64_t first_key(int64_t query) const { return context > 0 && query >= context ? query + 1 - context : 0; }
  int64_t end_key(int64_t query) const { return causal && query + 1 < keys ? query + 1 : keys; }
};

/// What a call's attributes say. 0: kv_heads as heads, scale 1 / sqrt(width of a head).
struct AttentionAttributes {
  int64_t heads = 1, kv_heads = 0;
  double scale = 0;
};

/// Splits the channels of q, k and v by heads and fills in the scale; throws ShapeError where they do not fit.
void split_heads(AttentionSizes& sizes, const AttentionAttributes& attributes, int64_t q_channels, int64_t k_channels,
                 int64_t v_channels, std::string_view who);

/// y from q, k, v (float32 or float64) and a mask that may be undefined: keys where it is above 0 count, and a query
/// without any gives 0.
Array attention_forward(const AttentionSizes& sizes, const Array& q, const Array& k, const Array& v, const Array& mask,
                        const Shape& y_shape);

/// Gradients by q, k and v.
Arrays attention_backward(const AttentionSizes& sizes, const Array& q, const Array& k, const Array& v,
                          const Array& mask, const Array& dy);

/// float64, by the plain formula.
Array attention_truth(const AttentionSizes& sizes, const Array& q, const Array& k, const Array& v, const Array& mask,
                      const Shape& y_shape);

}  // namespace quantick
