#include "quantick/nn/attention.h"

#include "quantick/nn/dropout.h"
#include "quantick/ops/ops.h"

namespace quantick::nn {
namespace {

int64_t check_options(int64_t units, int64_t num_heads, const MultiHeadAttentionOptions& options) {
  QTK_CHECK(units > 0 && num_heads > 0 && units % num_heads == 0, ValueError,
            "[multi_head_attention] units and num_heads, were {} and {}, expected units a multiple of num_heads", units,
            num_heads);
  QTK_CHECK(options.kv_heads >= 0 && (options.kv_heads == 0 || num_heads % options.kv_heads == 0), ValueError,
            "[multi_head_attention] kv_heads, was {}, expected a divisor of num_heads {}", options.kv_heads, num_heads);
  QTK_CHECK(options.axis == "time" || options.axis == "tokens", ValueError,
            "[multi_head_attention] axis, was {}, expected time or tokens", options.axis);
  const bool streams = options.axis == "time" && options.causal;
  QTK_CHECK(streams ? options.context >= 1 : options.context == 0, ValueError,
            "[multi_head_attention] context, was {}, expected {}", options.context,
            streams ? "at least 1 for causal attention over time" : "0: only causal attention over time has one");
  QTK_CHECK(streams || options.recency == 0, ValueError,
            "[multi_head_attention] recency, was {}, expected 0: only causal attention over time has one",
            options.recency);
  QTK_CHECK(options.dropout >= 0 && options.dropout < 1, ValueError,
            "[multi_head_attention] dropout, was {}, expected 0 <= rate < 1", options.dropout);
  return units;
}

int64_t kv_units(int64_t units, int64_t num_heads, const MultiHeadAttentionOptions& options) {
  return options.kv_heads == 0 ? units : units / num_heads * options.kv_heads;
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(int64_t units, int64_t num_heads, const MultiHeadAttentionOptions& options)
    : units_(check_options(units, num_heads, options)),
      num_heads_(num_heads),
      options_(options),
      query_(add_projection("query", units)),
      key_(add_projection("key", kv_units(units, num_heads, options))),
      value_(add_projection("value", kv_units(units, num_heads, options))),
      proj_(add_projection("proj", units)) {
  quantization().enabled = options.quantization;
}

Dense& MultiHeadAttention::add_projection(const std::string& name, int64_t units) {
  return add_child(name, Dense(units, {.use_bias = options_.use_bias,
                                       .flatten = false,
                                       .weight_initializer = options_.weight_initializer,
                                       .quantization = options_.quantization}));
}

Arrays MultiHeadAttention::forward(const Arrays& inputs) {
  const bool tokens = options_.axis == "tokens";
  const size_t most = tokens ? 4 : 3;
  QTK_CHECK(inputs.size() == 1 || inputs.size() == 3 || (tokens && inputs.size() == 2) || inputs.size() == most,
            ValueError, "[multi_head_attention] inputs, was {}, expected {} (layer \"{}\")", inputs.size(),
            tokens ? "{x}, {x, mask}, {q, k, v} or {q, k, v, mask}" : "{x} or {q, k, v}", name());
  const bool self = inputs.size() < 3;
  const Array q = query_(inputs[0]), k = key_(inputs[self ? 0 : 1]), v = value_(inputs[self ? 0 : 2]);
  const Array mask = inputs.size() % 2 == 0 ? inputs.back() : Array();
  const Array y = tokens ? attention(q, k, v, mask, num_heads_, options_.kv_heads, options_.causal)
                  : options_.causal
                      ? causal_attention(q, k, v, options_.context, num_heads_, options_.kv_heads, 0, options_.recency)
                      : sequence_attention(q, k, v, num_heads_, options_.kv_heads);
  return {dropout_in_training(proj_(y), options_.dropout)};
}

}  // namespace quantick::nn
