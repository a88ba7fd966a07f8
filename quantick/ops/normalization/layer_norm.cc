#include <cmath>

#include "quantick/core/thread_pool.h"
#include "quantick/kernels/layer_norm/layer_norm.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// What the kernel takes.
constexpr int64_t kMaxWidth = int64_t{1} << 24;

struct LayerNorm {
  static constexpr std::string_view name = "layer_norm", family = "normalization", onnx = "LayerNormalization";
  static constexpr std::string_view summary =
      "(x - mean) / sqrt(variance + epsilon) * gamma + beta along the last axis.";
  static constexpr double tolerance = 1e-5;
  struct Attrs {
    double epsilon = 1e-5;
    static constexpr auto fields() {
      return std::make_tuple(field("epsilon", &Attrs::epsilon, "added to the variance, above 0"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "gamma", "beta"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.ndim() >= 1 && in[0].shape[-1] > 0 && in[0].shape[-1] <= kMaxWidth, ShapeError,
              "[layer_norm] x, was {}, expected a last axis of 1..{}", in[0].shape.text(), kMaxWidth);
    QTK_CHECK(attrs.epsilon > 0, ValueError, "[layer_norm] epsilon, was {}, expected > 0", attrs.epsilon);
    for (size_t i = 1; i < 3; ++i) {
      check_same_dtype(name, i == 1 ? "gamma" : "beta", in[i], in[0].dtype);
      check_ndim(name, i == 1 ? "gamma" : "beta", in[i], 1);
      check_extent(name, i == 1 ? "gamma length" : "beta length", in[i].shape[0], in[0].shape[-1]);
    }
    return {in[0]};
  }

  /// y, and for the gradient the mean and the reciprocal deviation of each row, with a last axis of 1.
  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous(), gamma = in[1].contiguous(), beta = in[2].contiguous();
    Shape per_row = x.shape();
    per_row[-1] = 1;
    Array y = Array::empty(x.shape(), x.dtype()), mean = Array::empty(per_row, x.dtype());
    Array rstd = Array::empty(per_row, x.dtype());
    const int64_t n = x.shape()[-1], grain = std::max<int64_t>(1, kElementwiseGrain / n);
    parallel_ranges(mean.size(), grain, [&](int64_t begin, int64_t end) {
      if (x.dtype() == DType::f32)
        kernels::layer_norm_f32(
            x.data<float>() + begin * n, end - begin, n, gamma.data<float>(), beta.data<float>(),
            static_cast<float>(attrs.epsilon), reinterpret_cast<float*>(y.mutable_raw()) + begin * n,
            reinterpret_cast<float*>(mean.mutable_raw()) + begin, reinterpret_cast<float*>(rstd.mutable_raw()) + begin);
      else
        rows_f64(x.data<double>(), begin, end, n, gamma.data<double>(), beta.data<double>(), attrs.epsilon,
                 reinterpret_cast<double*>(y.mutable_raw()), reinterpret_cast<double*>(mean.mutable_raw()),
                 reinterpret_cast<double*>(rstd.mutable_raw()));
    });
    return {y, mean, rstd};
  }

  static void rows_f64(const double* x, int64_t begin, int64_t end, int64_t n, const double* gamma, const double* beta,
                       double epsilon, double* y, double* mean, double* rstd) {
    for (int64_t r = begin; r < end; ++r) {
      double total = 0, squares = 0;
      for (int64_t i = 0; i < n; ++i) total += x[r * n + i];
      mean[r] = total / static_cast<double>(n);
      for (int64_t i = 0; i < n; ++i) squares += (x[r * n + i] - mean[r]) * (x[r * n + i] - mean[r]);
      rstd[r] = 1 / std::sqrt(squares / static_cast<double>(n) + epsilon);
      for (int64_t i = 0; i < n; ++i) y[r * n + i] = (x[r * n + i] - mean[r]) * rstd[r] * gamma[i] + beta[i];
    }
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    std::vector<double> x = in[0].to_vector<double>();
    const auto gamma = in[1].to_vector<double>(), beta = in[2].to_vector<double>();
    const size_t n = gamma.size();
    for (size_t at = 0; at < x.size(); at += n) {
      double first = 0, second = 0;  // moments about 0
      for (size_t i = 0; i < n; ++i) first += x[at + i], second += x[at + i] * x[at + i];
      first /= static_cast<double>(n), second /= static_cast<double>(n);
      for (size_t i = 0; i < n; ++i)
        x[at + i] = gamma[i] * (x[at + i] - first) / std::sqrt(second - first * first + attrs.epsilon) + beta[i];
    }
    return {Array::from(x, in[0].shape())};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array &x = call.inputs[0], &gamma = call.inputs[1], &d = call.output_grads[0];
    const Arrays kept =
        call.outputs.size() == 3 ? Arrays(call.outputs.begin(), call.outputs.end()) : forward(attrs, call.inputs);
    const Array normal = (x - kept[1]) * kept[2];
    const Array inner = d * gamma;
    const Array dx = kept[2] * (inner - mean(inner, {-1}, true) - normal * mean(inner * normal, {-1}, true));
    const Shape rows{x.size() / x.shape()[-1], x.shape()[-1]};
    return {dx, sum((d * normal).reshape(rows), {0}), sum(d.reshape(rows), {0})};
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      const std::string who = lowering_name(name, call);
      for (const size_t i : {0, 1})
        for (const double v : parameter_of(call, i).to_vector<double>())
          QTK_CHECK(std::isfinite(v), ValueError, "[{}] {}, was {}, expected numbers", who, i == 0 ? "gamma" : "beta",
                    v);
      return {{"gamma", parameter_of(call, 0).copy()}, {"beta", parameter_of(call, 1).copy()}};
    };
    form.prepare = [](const PrepareCall& call) {
      const Array gamma = call.constant("gamma"), beta = call.constant("beta");
      QTK_CHECK(gamma.ndim() == 1 && gamma.size() > 0 && beta.shape() == gamma.shape() && gamma.dtype() == DType::f32 &&
                    beta.dtype() == DType::f32 && call.input_types[0].shape.size() % gamma.size() == 0,
                FormatError, "[layer_norm] constants, were {} and {}, expected the last axis of {}",
                gamma.type().text(), beta.type().text(), call.input_types[0].shape.text());
      const auto epsilon = static_cast<float>(from_attributes<Attrs>(*call.attributes, name).epsilon);
      return make_row_node(call, gamma.size(), [=, isa = active_isa()](const float* x, int64_t rows, float* y) {
        kernels::layer_norm_f32(x, rows, gamma.size(), gamma.data<float>(), beta.data<float>(), epsilon, y, nullptr,
                                nullptr, isa);
      });
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const Attributes usual = to_attributes(Attrs{}), wide = to_attributes(Attrs{1e-2});
    return {{{float32({3, 5}), float32({5}), float32({5})}, usual},
            {{float32({2, 3, 17}), float32({17}), float32({17})}, wide},
            {{float32({0, 4}), float32({4}), float32({4})}, usual},
            {{float32({67}), float32({67}), float32({67})}, usual}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3}), float32({4}), float32({3})}, {}, "[layer_norm] gamma length, was 4, expected 3"},
            {{float32({2, 3}), float32({3}), float32({3})}, to_attributes(Attrs{0}), "[layer_norm] epsilon, was 0"}};
  }
};

}  // namespace

const Operator& layer_norm_operator() { return operator_row<LayerNorm>(); }

Array layer_norm(const Array& x, const Array& gamma, const Array& beta, double epsilon) {
  return invoke1(layer_norm_operator(), to_attributes(LayerNorm::Attrs{epsilon}), {x, gamma, beta});
}

}  // namespace quantick
