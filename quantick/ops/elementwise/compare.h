#pragma once
// What the comparisons share. A struct T : Compare<T> brings name, summary, onnx and `value(u, v)`. The result is bool.
#include "quantick/ops/elementwise/binary.h"

namespace quantick {

template <class T>
struct Compare : Binary<T> {
  using Attrs = NoAttributes;

  static Types infer(const Attrs&, const Types& in) {
    const DType dtype = promote(in[0].dtype, in[1].dtype);
    visit_number(dtype, T::name, [](auto) { return 0; });
    return {{DType::boolean, broadcast_shapes(in[0].shape, in[1].shape, T::name)}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const DType dtype = promote(in[0].dtype(), in[1].dtype());
    const Array a = in[0].astype(dtype), b = in[1].astype(dtype);
    return {visit_number(dtype, T::name, [&](auto zero) {
      using N = decltype(zero);
      return map_binary<N, bool>(a, b, [](N u, N v) { return T::value(u, v); });
    })};
  }

  /// 1 where it holds, else 0.
  static IntegerForm integer_form() {
    IntegerForm form = element_form(T::name, 2, [](const float* const* x, int64_t n, float* y) {
      for (int64_t i = 0; i < n; ++i) y[i] = T::value(x[0][i], x[1][i]) ? 1.0f : 0.0f;
    });
    form.output = IntegerForm::OutputFormat::unit;
    form.fixed_format = {DType::i8, 1.0f, 0};
    return form;
  }

  static double exact(double u, double v) { return T::value(u, v) ? 1 : 0; }
};

}  // namespace quantick
