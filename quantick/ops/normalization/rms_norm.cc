#include <cmath>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/rms_norm/rms_norm.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

struct RmsNorm {
  static constexpr std::string_view name = "rms_norm", family = "normalization", onnx = "RMSNormalization";
  static constexpr std::string_view summary =
      "x / sqrt(mean of squares + epsilon) * gamma along the last axis (Zhang & Sennrich 2019).";
  static constexpr double tolerance = 1e-5;
  /// What the kernel takes.
  static constexpr int64_t kMaxWidth = int64_t{1} << 24;
  struct Attrs {
    double epsilon = 1e-5;
    static constexpr auto fields() {
      return std::make_tuple(field("epsilon", &Attrs::epsilon, "added to the mean of squares, above 0"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "gamma"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.ndim() >= 1 && in[0].shape[-1] > 0 && in[0].shape[-1] <= kMaxWidth, ShapeError,
              "[rms_norm] x, was {}, expected a last axis of 1..{}", in[0].shape.text(), kMaxWidth);
    QTK_CHECK(attrs.epsilon > 0, ValueError, "[rms_norm] epsilon, was {}, expected > 0", attrs.epsilon);
    check_same_dtype(name, "gamma", in[1], in[0].dtype);
    check_ndim(name, "gamma", in[1], 1);
    check_extent(name, "gamma length", in[1].shape[0], in[0].shape[-1]);
    return {in[0]};
  }

  /// y, and for the gradient the reciprocal root of each row, with a last axis of 1.
  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous(), gamma = in[1].contiguous();
    Shape per_row = x.shape();
    per_row[-1] = 1;
    Array y = Array::empty(x.shape(), x.dtype()), rstd = Array::empty(per_row, x.dtype());
    const int64_t n = x.shape()[-1], grain = std::max<int64_t>(1, kElementwiseGrain / n);
    parallel_ranges(rstd.size(), grain, [&](int64_t begin, int64_t end) {
      if (x.dtype() == DType::f32)
        kernels::rms_norm_f32(x.data<float>() + begin * n, end - begin, n, gamma.data<float>(),
                              static_cast<float>(attrs.epsilon), reinterpret_cast<float*>(y.mutable_raw()) + begin * n,
                              reinterpret_cast<float*>(rstd.mutable_raw()) + begin);
      else
        rows_f64(x.data<double>(), begin, end, n, gamma.data<double>(), attrs.epsilon,
                 reinterpret_cast<double*>(y.mutable_raw()), reinterpret_cast<double*>(rstd.mutable_raw()));
    });
    return {y, rstd};
  }

  static void rows_f64(const double* x, int64_t begin, int64_t end, int64_t n, const double* gamma, double epsilon,
                       double* y, double* rstd) {
    for (int64_t r = begin; r < end; ++r) {
      double squares = 0;
      for (int64_t i = 0; i < n; ++i) squares += x[r * n + i] * x[r * n + i];
      rstd[r] = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
      for (int64_t i = 0; i < n; ++i) y[r * n + i] = x[r * n + i] * rstd[r] * gamma[i];
    }
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    std::vector<double> x = in[0].to_vector<double>();
    const auto gamma = in[1].to_vector<double>();
    const size_t n = gamma.size();
    for (size_t at = 0; at < x.size(); at += n) {
      double mean = 0;
      for (size_t i = 0; i < n; ++i) mean += std::pow(x[at + i], 2) / static_cast<double>(n);
      for (size_t i = 0; i < n; ++i) x[at + i] *= gamma[i] / std::sqrt(mean + attrs.epsilon);
    }
    return {Array::from(x, in[0].shape())};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array &x = call.inputs[0], &gamma = call.inputs[1], &d = call.output_grads[0];
    const Array rstd = call.outputs.size() == 2 ? call.outputs[1] : forward(attrs, call.inputs)[1];
    const Array normal = x * rstd, inner = d * gamma;
    const Array dx = rstd * (inner - normal * mean(inner * normal, {-1}, true));
    return {dx, sum((d * normal).reshape({x.size() / x.shape()[-1], x.shape()[-1]}), {0})};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      for (const double v : parameter_of(call, 0).to_vector<double>())
        QTK_CHECK(std::isfinite(v), ValueError, "[{}] gamma, was {}, expected numbers", lowering_name(name, call), v);
      return {{"gamma", parameter_of(call, 0).copy()}};
    };
    form.prepare = [](const PrepareCall& call) {
      const Array gamma = call.constant("gamma");
      QTK_CHECK(gamma.ndim() == 1 && gamma.size() > 0 && gamma.dtype() == DType::f32 &&
                    call.input_types[0].shape.size() % gamma.size() == 0,
                FormatError, "[rms_norm] gamma, was {}, expected the last axis of {}", gamma.type().text(),
                call.input_types[0].shape.text());
      const auto epsilon = static_cast<float>(from_attributes<Attrs>(*call.attributes, name).epsilon);
      return make_row_node(call, gamma.size(), [=](const float* x, int64_t rows, float* y) {
        kernels::rms_norm_f32(x, rows, gamma.size(), gamma.data<float>(), epsilon, y);
      });
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const Attributes usual = to_attributes(Attrs{}), wide = to_attributes(Attrs{1e-2});
    return {{{float32({3, 5}), float32({5})}, usual},
            {{float32({2, 3, 17}), float32({17})}, wide},
            {{float32({0, 4}), float32({4})}, usual},
            {{float32({67}), float32({67})}, usual}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3}), float32({4})}, {}, "[rms_norm] gamma length, was 4, expected 3"},
            {{float32({2, 3}), float32({3})}, to_attributes(Attrs{0}), "[rms_norm] epsilon, was 0"}};
  }
};

}  // namespace

const Operator& rms_norm_operator() { return operator_row<RmsNorm>(); }

Array rms_norm(const Array& x, const Array& gamma, double epsilon) {
  return invoke1(rms_norm_operator(), to_attributes(RmsNorm::Attrs{epsilon}), {x, gamma});
}

}  // namespace quantick
