#include "quantick/ops/attention/time_attention.h"

namespace quantick {
namespace {

struct CausalAttention : TimeAttention<CausalAttention> {
  static constexpr std::string_view name = "causal_attention";
  static constexpr std::string_view summary =
      "softmax(q k^T * scale) v over time, q, k, v [steps, batch, channels]: each step attends to the last `context` "
      "steps, itself included.";
  struct Attrs {
    int64_t context = 0, heads = 1, kv_heads = 0;
    double scale = 0, recency = 0;
    static constexpr auto fields() {
      return std::make_tuple(
          field("context", &Attrs::context, "steps that are attended, the newest included; at least 1"),
          field("heads", &Attrs::heads, "the channels of q are so many heads"),
          field("kv_heads", &Attrs::kv_heads, "heads of k and v, which share them; 0: as heads"),
          field("scale", &Attrs::scale, "of scores; 0: 1 / sqrt(width of a head)"),
          field("recency", &Attrs::recency,
                "scores lose recency * 2^(-8 (h + 1) / heads) per step of age, in head h; 0: the order of steps does "
                "not show"));
    }
  };

  static AttentionSizes sizes(const Attrs& attrs, int64_t q, int64_t k, int64_t v) {
    AttentionSizes s;
    split_heads(s, {attrs.heads, attrs.kv_heads, attrs.scale}, q, k, v, name);
    s.time_major = true;
    QTK_CHECK(attrs.context >= 1, ValueError,
              "[causal_attention] context, was {}, expected at least 1: how many steps a stream keeps", attrs.context);
    s.causal = true;
    s.context = attrs.context;
    QTK_CHECK(attrs.recency >= 0 && attrs.recency <= 1024, ValueError,
              "[causal_attention] recency, was {}, expected 0..1024", attrs.recency);
    s.recency = attrs.recency;
    return s;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) { return forward_of(attrs, in); }
  static Arrays truth(const Attrs& attrs, std::span<const Array> in) { return truth_of(attrs, in); }
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) { return gradient_of(attrs, call); }
  static IntegerForm integer_form() { return form_of(IntegerForm::Kind::recurrent); }

  static std::vector<OperatorSample> samples() {
    const auto call = [](int64_t steps, int64_t batch, int64_t q, int64_t k, int64_t v, const Attrs& attrs) {
      return OperatorSample{{float32({steps, batch, q}), float32({steps, batch, k}), float32({steps, batch, v})},
                            to_attributes(attrs)};
    };
    return {call(5, 2, 8, 8, 8, {3, 2}), call(7, 3, 12, 6, 10, {100, 4, 2, 0, 0.5}),
            call(1, 1, 1, 1, 1, {1}),    call(40, 2, 20, 20, 24, {17, 2, 0, 0.2, 1}),
            call(3, 0, 4, 4, 4, {2}),    call(6, 67, 4, 4, 4, {4, 2})};
  }
  static std::vector<OperatorMisuse> misuses() {
    const Types usual = {float32({2, 3, 6}), float32({2, 3, 6}), float32({2, 3, 6})};
    return {
        {usual, {}, "[causal_attention] context, was 0, expected at least 1"},
        {usual, to_attributes(Attrs{4, 4}), "[causal_attention] q channels, were 6, expected a multiple of 4 heads"},
        {{float32({2, 3, 6}), float32({1, 3, 6}), float32({2, 3, 6})},
         to_attributes(Attrs{4}),
         "[causal_attention] k steps, was 1, expected 2"}};
  }
};

}  // namespace

const Operator& causal_attention_operator() { return operator_row<CausalAttention>(); }

Array causal_attention(const Array& q, const Array& k, const Array& v, int64_t context, int64_t heads, int64_t kv_heads,
                       double scale, double recency) {
  return invoke1(causal_attention_operator(),
                 to_attributes(CausalAttention::Attrs{context, heads, kv_heads, scale, recency}), {q, k, v});
}

}  // namespace quantick
