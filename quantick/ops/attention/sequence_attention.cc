#include "quantick/ops/attention/time_attention.h"

namespace quantick {
namespace {

struct SequenceAttention : TimeAttention<SequenceAttention> {
  static constexpr std::string_view name = "sequence_attention";
  static constexpr std::string_view summary =
      "softmax(q k^T * scale) v over time, q, k, v [steps, batch, channels]: each step attends to all steps of the "
      "window, later ones included.";
  struct Attrs {
    int64_t heads = 1, kv_heads = 0;
    double scale = 0;
    static constexpr auto fields() {
      return std::make_tuple(field("heads", &Attrs::heads, "the channels of q are so many heads"),
                             field("kv_heads", &Attrs::kv_heads, "heads of k and v, which share them; 0: as heads"),
                             field("scale", &Attrs::scale, "of scores; 0: 1 / sqrt(width of a head)"));
    }
  };

  static AttentionSizes sizes(const Attrs& attrs, int64_t q, int64_t k, int64_t v) {
    AttentionSizes s;
    split_heads(s, {attrs.heads, attrs.kv_heads, attrs.scale}, q, k, v, name);
    s.time_major = true;
    return s;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) { return forward_of(attrs, in); }
  static Arrays truth(const Attrs& attrs, std::span<const Array> in) { return truth_of(attrs, in); }
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) { return gradient_of(attrs, call); }
  static IntegerForm integer_form() { return form_of(IntegerForm::Kind::window); }

  static std::vector<OperatorSample> samples() {
    const auto call = [](int64_t steps, int64_t batch, int64_t q, int64_t k, int64_t v, const Attrs& attrs) {
      return OperatorSample{{float32({steps, batch, q}), float32({steps, batch, k}), float32({steps, batch, v})},
                            to_attributes(attrs)};
    };
    return {call(5, 2, 8, 8, 8, {2}), call(7, 3, 12, 6, 10, {4, 2}), call(1, 1, 1, 1, 1, {}),
            call(40, 2, 20, 20, 24, {1, 0, 0.2}), call(3, 0, 4, 4, 4, {2})};
  }
  static std::vector<OperatorMisuse> misuses() {
    const Types usual = {float32({2, 3, 6}), float32({2, 3, 6}), float32({2, 3, 6})};
    return {{usual, to_attributes(Attrs{4}), "[sequence_attention] q channels, were 6, expected a multiple of 4 heads"},
            {{float32({2, 3, 6}), float32({2, 4, 6}), float32({2, 3, 6})},
             {},
             "[sequence_attention] k batch, was 4, expected 3"}};
  }
};

}  // namespace

const Operator& sequence_attention_operator() { return operator_row<SequenceAttention>(); }

Array sequence_attention(const Array& q, const Array& k, const Array& v, int64_t heads, int64_t kv_heads,
                         double scale) {
  return invoke1(sequence_attention_operator(), to_attributes(SequenceAttention::Attrs{heads, kv_heads, scale}),
                 {q, k, v});
}

}  // namespace quantick
