#include <algorithm>
#include <cmath>
#include <numbers>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/activation/activation.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Of the tanh form (Hendrycks & Gimpel 2016).
constexpr double kGeluCube = 0.044715;
/// sqrt(2 / pi).
constexpr double kGeluScale = 0.79788456080286535588;
/// Below, the result is +0 (it would be above -5e-8): erf and tanh end just short of -1 and would be scaled by x.
constexpr float kGeluLowest = -5.65625f;

/// In float32, one operation after the other (docs/numerics.md); y may be x.
void gelu_f32(const float* x, int64_t n, bool tanh_form, float* y, Isa isa) noexcept {
  constexpr int64_t kBlock = 256;
  float inner[kBlock];
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    const float* from = x + begin;
    if (tanh_form) {
      for (int64_t i = 0; i < count; ++i) {
        const float cube = ((static_cast<float>(kGeluCube) * from[i]) * from[i]) * from[i];
        inner[i] = static_cast<float>(kGeluScale) * (from[i] + cube);
      }
      kernels::tanh_f32(inner, inner, count, isa);
    } else {
      for (int64_t i = 0; i < count; ++i) inner[i] = from[i] * 0x1.6a09e6p-1f;  // sqrt(1 / 2)
      kernels::erf_f32(inner, inner, count, isa);
    }
    for (int64_t i = 0; i < count; ++i) {
      const float value = (0.5f * from[i]) * (1.0f + inner[i]);
      y[begin + i] = from[i] < kGeluLowest ? 0.0f : value;
    }
  }
}

struct Gelu {
  static constexpr std::string_view name = "gelu", family = "activation", onnx = "Gelu";
  static constexpr std::string_view summary =
      "x * P(normal < x) (Hendrycks & Gimpel 2016), by erf or, with approximate = tanh, by the tanh formula.";
  /// The pieces' own error (4.6e-7 for tanh), times x / 2.
  static constexpr double tolerance = 1e-6;
  struct Attrs {
    std::string approximate = "none";
    static constexpr auto fields() {
      return std::make_tuple(field("approximate", &Attrs::approximate, "none (erf) or tanh"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(attrs.approximate == "none" || attrs.approximate == "tanh", ValueError,
              "[gelu] approximate, was \"{}\", expected none or tanh", attrs.approximate);
    return in;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const bool tanh_form = attrs.approximate == "tanh";
    if (in[0].dtype() == DType::f64)
      return {map_unary<double, double>(in[0], [=](double v) { return v * share(v, tanh_form); })};
    const Array x = in[0].contiguous();
    Array y = Array::empty(x.shape());
    const float* from = x.data<float>();
    float* to = y.mutable_data<float>();
    parallel_ranges(x.size(), kElementwiseGrain, [=](int64_t begin, int64_t end) {
      gelu_f32(from + begin, end - begin, tanh_form, to + begin, active_isa());
    });
    return {y};
  }

  /// What x is multiplied with.
  static double share(double v, bool tanh_form) {
    if (tanh_form) return 0.5 * (1 + std::tanh(kGeluScale * (v + kGeluCube * v * v * v)));
    return 0.5 * (1 + std::erf(v * std::sqrt(0.5)));
  }

  static double slope(double v, bool tanh_form) {
    const double s = share(v, tanh_form);
    if (!tanh_form) return s + v * std::exp(-0.5 * v * v) / std::sqrt(2 * std::numbers::pi);
    return s + v * 2 * s * (1 - s) * kGeluScale * (1 + 3 * kGeluCube * v * v);
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    std::vector<double> y = in[0].to_vector<double>();
    for (double& v : y)
      v = attrs.approximate == "tanh"
              ? v / (1 + std::exp(-2 * std::sqrt(2 / std::numbers::pi) * (v + kGeluCube * v * v * v)))
              : 0.5 * v * std::erfc(-v / std::sqrt(2.0));
    return {Array::from(y, in[0].shape())};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const bool tanh_form = attrs.approximate == "tanh";
    const Array by_x = visit_float(call.inputs[0].dtype(), [&](auto zero) {
      using F = decltype(zero);
      return map_unary<F, F>(call.inputs[0],
                             [=](F v) { return static_cast<F>(slope(static_cast<double>(v), tanh_form)); });
    });
    return {call.output_grads[0] * by_x};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.prepare = [](const PrepareCall& call) {
      const bool tanh_form = from_attributes<Attrs>(*call.attributes, name).approximate == "tanh";
      const int64_t width = call.input_types[0].shape.size();
      return make_row_node(call, width, [=, isa = active_isa()](const float* x, int64_t rows, float* y) {
        gelu_f32(x, rows * width, tanh_form, y, isa);
      });
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    for (const char* approximate : {"none", "tanh"})
      for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{3, 5}, Shape{2, 3, 177}})
        out.push_back({{float32(shape)}, to_attributes(Attrs{approximate}), -7, 7});
    return out;
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2})}, to_attributes(Attrs{"erf"}), "[gelu] approximate, was \"erf\", expected none or tanh"},
            {{{DType::i8, Shape{2}}}, {}, "[gelu] x, was int8, expected float32 or float64"}};
  }
};

}  // namespace

const Operator& gelu_operator() { return operator_row<Gelu>(); }

Array gelu(const Array& x, const std::string& approximate) {
  return invoke1(gelu_operator(), to_attributes(Gelu::Attrs{approximate}), {x});
}

}  // namespace quantick
