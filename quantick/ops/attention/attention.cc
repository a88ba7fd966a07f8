#include "quantick/ops/attention/attention_layer.h"
#include "quantick/ops/attention/attention_node.h"
#include "quantick/ops/define.h"
#include "quantick/ops/lowering.h"

namespace quantick {
namespace {

struct Attention {
  static constexpr std::string_view name = "attention", family = "attention", onnx = "Attention";
  static constexpr std::string_view summary =
      "softmax(q k^T * scale) v over tokens: q [..., L, channels], k and v [..., S, channels]; tokens where mask [..., "
      "S] is not above 0 are not attended.";
  static constexpr int optional_inputs = 1;
  static constexpr double tolerance = 3e-6;
  struct Attrs {
    int64_t heads = 1, kv_heads = 0;
    bool causal = false;
    double scale = 0;
    static constexpr auto fields() {
      return std::make_tuple(field("heads", &Attrs::heads, "the channels of q are so many heads"),
                             field("kv_heads", &Attrs::kv_heads, "heads of k and v, which share them; 0: as heads"),
                             field("causal", &Attrs::causal, "token i attends to tokens 0..i"),
                             field("scale", &Attrs::scale, "of scores; 0: 1 / sqrt(width of a head)"));
    }
  };
  static std::vector<std::string> inputs() { return {"q", "k", "v", "mask"}; }

  static AttentionSizes sizes(const Attrs& attrs, const Shape& q, const Shape& k, const Shape& v) {
    AttentionSizes s;
    split_heads(s, {attrs.heads, attrs.kv_heads, attrs.scale}, q[-1], k[-1], v[-1], name);
    s.rows = 1;
    for (int i = 0; i < q.ndim() - 2; ++i) s.rows *= q[i];
    s.queries = q[-2];
    s.keys = k[-2];
    s.causal = attrs.causal;
    return s;
  }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "q", in[0]);
    const Shape& q = in[0].shape;
    QTK_CHECK(q.ndim() >= 2, ShapeError, "[attention] q, was {}, expected [..., tokens, channels]", q.text());
    for (size_t i = 1; i < in.size(); ++i) {
      if (is_absent(in[i])) continue;
      const std::string what = inputs()[i];
      check_same_dtype(name, what, in[i], in[0].dtype);
      check_ndim(name, what, in[i], i == 3 ? q.ndim() - 1 : q.ndim());
      for (int axis = 0; axis < q.ndim() - 2; ++axis)
        check_extent(name, fmt::format("{} axis {}", what, axis), in[i].shape[axis], q[axis]);
      if (i > 1) check_extent(name, what + " tokens", in[i].shape[q.ndim() - 2], in[1].shape[-2]);
    }
    Shape y = q;
    y[-1] = sizes(attrs, q, in[1].shape, in[2].shape).output_channels();
    return {{in[0].dtype, y}};
  }

  static Array mask_of(std::span<const Array> in) { return in.size() > 3 ? in[3] : Array(); }

  static AttentionSizes sizes(const Attrs& attrs, std::span<const Array> in) {
    return sizes(attrs, in[0].shape(), in[1].shape(), in[2].shape());
  }
  static Shape y_shape(const Attrs& attrs, std::span<const Array> in) {
    Shape y = in[0].shape();
    y[-1] = sizes(attrs, in).output_channels();
    return y;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {attention_forward(sizes(attrs, in), in[0], in[1], in[2], mask_of(in), y_shape(attrs, in))};
  }
  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    return {attention_truth(sizes(attrs, in), in[0], in[1], in[2], mask_of(in), y_shape(attrs, in))};
  }
  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const auto& in = call.inputs;
    Arrays out = attention_backward(sizes(attrs, in), in[0], in[1], in[2], mask_of(in), call.output_grads[0]);
    if (in.size() > 3) out.push_back(in[3].defined() ? Array::zeros(in[3].shape(), in[3].dtype()) : Array());
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.data_inputs = kAllInputs;
    form.reads_integers = true;
    form.row_axes = 2;
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      for (const Array& parameter : call.parameters)
        QTK_CHECK(!parameter.defined(), UnsupportedError, "[{}] q, k, v and mask must be computed, not constants",
                  lowering_name(name, call));
      return {};
    };
    form.prepare = [](const PrepareCall& call) {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      const auto& types = call.input_types;
      QTK_CHECK(types.size() >= 3 && types[0].shape.ndim() >= 2 && types[1].shape.ndim() == types[0].shape.ndim() &&
                    types[2].shape.ndim() == types[0].shape.ndim(),
                FormatError, "[attention] inputs, expected q, k and v as [..., tokens, channels]");
      return make_attention_node(call, sizes(attrs, types[0].shape, types[1].shape, types[2].shape), name);
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const auto call = [](const Shape& lead, int64_t queries, int64_t keys, int64_t q, int64_t k, int64_t v, bool mask,
                         const Attrs& attrs) {
      const auto shape = [&](std::initializer_list<int64_t> last) {
        Shape s = lead;
        for (const int64_t extent : last) s.push_back(extent);
        return float32(s);
      };
      OperatorSample sample{{shape({queries, q}), shape({keys, k}), shape({keys, v})}, to_attributes(attrs)};
      if (mask) sample.inputs.push_back(shape({keys}));
      return sample;
    };
    return {call({3}, 5, 5, 8, 8, 8, false, {2}),
            call({2}, 4, 7, 6, 6, 10, true, {2}),
            call({2, 3}, 5, 5, 12, 6, 6, true, {4, 2}),
            call({2}, 6, 6, 5, 5, 5, false, {1, 0, true}),
            call({2}, 33, 33, 40, 40, 72, true, {2, 0, true, 0.2}),
            call({0}, 3, 3, 4, 4, 4, false, {2}),
            call({}, 3, 2, 4, 4, 3, false, {})};
  }
  static std::vector<OperatorMisuse> misuses() {
    const auto call = [](int64_t q, int64_t k, int64_t v) {
      return Types{float32({2, 3, q}), float32({2, 4, k}), float32({2, 4, v})};
    };
    return {
        {call(6, 6, 6), to_attributes(Attrs{4}), "[attention] q channels, were 6, expected a multiple of 4 heads"},
        {call(6, 4, 6), to_attributes(Attrs{2}), "[attention] k channels, were 4, expected 6 (2 heads of 3)"},
        {call(6, 6, 5), to_attributes(Attrs{2}), "[attention] v channels, were 5, expected a multiple of 2 heads"},
        {call(6, 6, 6), to_attributes(Attrs{3, 2}), "expected heads a multiple of kv_heads"},
        {{float32({2, 3, 6}), float32({3, 4, 6}), float32({2, 4, 6})}, {}, "[attention] k axis 0, was 3, expected 2"},
        {{float32({2, 3, 6}), float32({2, 4, 6}), float32({2, 5, 6})}, {}, "[attention] v tokens, was 5, expected 4"}};
  }
};

}  // namespace

const Operator& attention_operator() { return operator_row<Attention>(); }

Array attention(const Array& q, const Array& k, const Array& v, const Array& mask, int64_t heads, int64_t kv_heads,
                bool causal, double scale) {
  const Attributes attributes = to_attributes(Attention::Attrs{heads, kv_heads, causal, scale});
  if (!mask.defined()) return invoke1(attention_operator(), attributes, {q, k, v});
  return invoke1(attention_operator(), attributes, {q, k, v, mask});
}

}  // namespace quantick
