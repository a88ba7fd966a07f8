#pragma once
// What causal_attention and sequence_attention share: q, k, v [steps, batch, channels].
#include "quantick/ops/attention/attention_layer.h"
#include "quantick/ops/attention/attention_node.h"
#include "quantick/ops/define.h"

namespace quantick {

/// A struct T : TimeAttention<T> brings name, summary, Attrs, samples, misuses and `sizes(attrs, q, k, v channels)`
/// without steps and batch.
template <class T>
struct TimeAttention {
  static constexpr std::string_view family = "attention", onnx = "";
  static constexpr double tolerance = 3e-6;
  static std::vector<std::string> inputs() { return {"q", "k", "v"}; }

  template <class Attrs>
  static AttentionSizes with_steps(const Attrs& attrs, const Shape& q, const Shape& k, const Shape& v) {
    AttentionSizes s = T::sizes(attrs, q[-1], k[-1], v[-1]);
    s.queries = s.keys = q[0];
    s.rows = q[1];
    return s;
  }

  template <class Attrs>
  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(T::name, "q", in[0]);
    check_ndim(T::name, "q", in[0], 3);
    for (size_t i = 1; i < 3; ++i) {
      const std::string what = inputs()[i];
      check_same_dtype(T::name, what, in[i], in[0].dtype);
      check_ndim(T::name, what, in[i], 3);
      check_extent(T::name, what + " steps", in[i].shape[0], in[0].shape[0]);
      check_extent(T::name, what + " batch", in[i].shape[1], in[0].shape[1]);
    }
    return {{in[0].dtype, y_shape(with_steps(attrs, in[0].shape, in[1].shape, in[2].shape))}};
  }

  static Shape y_shape(const AttentionSizes& s) { return {s.queries, s.rows, s.output_channels()}; }

  template <class Attrs>
  static AttentionSizes sizes_of(const Attrs& attrs, std::span<const Array> in) {
    return with_steps(attrs, in[0].shape(), in[1].shape(), in[2].shape());
  }

  template <class Attrs>
  static Arrays forward_of(const Attrs& attrs, std::span<const Array> in) {
    const AttentionSizes s = sizes_of(attrs, in);
    return {attention_forward(s, in[0], in[1], in[2], Array(), y_shape(s))};
  }
  template <class Attrs>
  static Arrays truth_of(const Attrs& attrs, std::span<const Array> in) {
    const AttentionSizes s = sizes_of(attrs, in);
    return {attention_truth(s, in[0], in[1], in[2], Array(), y_shape(s))};
  }
  template <class Attrs>
  static Arrays gradient_of(const Attrs& attrs, const GradientCall& call) {
    const auto& in = call.inputs;
    return attention_backward(sizes_of(attrs, in), in[0], in[1], in[2], Array(), call.output_grads[0]);
  }

  static IntegerForm form_of(IntegerForm::Kind kind) {
    IntegerForm form;
    form.kind = kind;
    form.data_inputs = 3;
    form.reads_integers = true;
    form.prepare = [](const PrepareCall& call) {
      const auto attrs = from_attributes<typename T::Attrs>(*call.attributes, T::name);
      const auto& types = call.input_types;
      QTK_CHECK(
          types.size() == 3 && types[0].shape.ndim() == 1 && types[1].shape.ndim() == 1 && types[2].shape.ndim() == 1,
          FormatError, "[{}] inputs, expected q, k and v as [steps, batch, channels]", T::name);
      return make_attention_node(call, T::sizes(attrs, types[0].shape[0], types[1].shape[0], types[2].shape[0]),
                                 T::name);
    };
    return form;
  }
};

}  // namespace quantick
