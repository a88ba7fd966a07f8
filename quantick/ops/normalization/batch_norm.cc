#include <algorithm>
#include <cmath>

#include "quantick/core/thread_pool.h"
#include "quantick/ops/axes.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Neighbouring sums that do not wait for each other; part of the order of summation.
constexpr int64_t kSums = 16;
/// Channels that one piece of parallel work takes where they lie side by side.
constexpr int64_t kChannels = 32;

/// x as [outer, channels, inner], row-major.
struct Channels {
  int64_t outer = 1, channels = 1, inner = 1;
  Channels(const Shape& x, int axis) : channels(x[axis]) {
    for (int i = 0; i < axis; ++i) outer *= x[i];
    for (int i = axis + 1; i < x.ndim(); ++i) inner *= x[i];
  }
  int64_t count() const { return outer * inner; }
};

/// Adds f(i) for i in [0, n) in kSums sums, then the sums in order.
template <class T, class F>
double interleaved_sum(int64_t n, F&& f) {
  T lanes[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int64_t j = 0; j < kSums; ++j) lanes[j] += f(i + j);
  for (int64_t j = 0; i + j < n; ++j) lanes[j] += f(i + j);
  double total = 0;
  for (const T lane : lanes) total += static_cast<double>(lane);
  return total;
}

/// visit(channel, first element of a run, elements of the run), channels spread over threads, runs of one in order.
template <class F>
void for_each_run(const Channels& s, F&& visit) {
  parallel_ranges(s.channels, s.inner == 1 ? kChannels : 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = 0; o < s.outer; ++o)
      for (int64_t c = begin; c < end; ++c) visit(c, (o * s.channels + c) * s.inner, s.inner);
  });
}

/// One affine function per channel on dequantized values (docs/numerics.md, "Convolution, pooling, batch
/// normalization").
class BatchNormNode : public IntegerNode {
 public:
  BatchNormNode(const PrepareCall& call, int axis)
      : scale_(call.constant("scale")), shift_(call.constant("shift")), x_(call.inputs[0]), y_(call.output) {
    const Shape& row = call.input_types[0].shape;
    QTK_CHECK(axis >= 0 && axis < row.ndim() && scale_.shape() == Shape{row[axis]} &&
                  shift_.shape() == scale_.shape() && scale_.dtype() == DType::f32 && shift_.dtype() == DType::f32 &&
                  call.output_type.shape == row,
              FormatError, "[batch_norm] constants, were {} and {}, expected axis {} of {}", scale_.type().text(),
              shift_.type().text(), axis, row.text());
    const Channels s(row, axis);
    outer_ = s.outer, inner_ = s.inner;
  }

  void run(const Call& call) const noexcept override {
    const int64_t width = scale_.size() * inner_, rows = call.steps * call.batch * outer_;
    const float *scale = scale_.data<float>(), *shift = shift_.data<float>();
    auto* v = static_cast<float*>(call.scratch);
    for (int64_t r = 0; r < rows; ++r) {
      load_codes(static_cast<const std::byte*>(call.inputs[0]) + r * width * dtype_size(x_.dtype), width, x_, isa_, v);
      for (int64_t c = 0; c < scale_.size(); ++c)
        for (int64_t i = c * inner_; i < (c + 1) * inner_; ++i) v[i] = v[i] * scale[c] + shift[c];
      store_codes(v, width, y_, isa_, static_cast<std::byte*>(call.output) + r * width * dtype_size(y_.dtype));
    }
  }
  int64_t scratch_bytes(int64_t, int64_t) const override {
    return scale_.size() * inner_ * static_cast<int64_t>(sizeof(float));
  }

 private:
  Array scale_, shift_;
  TensorFormat x_, y_;
  int64_t outer_ = 1, inner_ = 1;
  Isa isa_ = active_isa();
};

struct BatchNorm {
  static constexpr std::string_view name = "batch_norm", family = "normalization", onnx = "BatchNormalization";
  static constexpr std::string_view summary =
      "(x - mean) / sqrt(variance + epsilon) * gamma + beta per channel: with the running statistics, or in training "
      "with those of the batch, which then move the running ones in place.";
  static constexpr double tolerance = 1e-5;
  struct Attrs {
    int64_t axis = 1;
    double epsilon = 1e-5, momentum = 0.9;
    bool training = false;
    static constexpr auto fields() {
      return std::make_tuple(
          field("axis", &Attrs::axis, "of the channels"),
          field("epsilon", &Attrs::epsilon, "added to the variance, above 0"),
          field("momentum", &Attrs::momentum, "share of the running statistics that stays, 0..1"),
          field("training", &Attrs::training, "normalize by the batch, move the running statistics"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "gamma", "beta", "running_mean", "running_var"}; }

  static Channels channels(const Attrs& attrs, const Shape& x) {
    return {x, normalize_axis(attrs.axis, x.ndim(), name)};
  }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.ndim() >= 2, ShapeError, "[batch_norm] x, was {}, expected 2 dimensions or more",
              in[0].shape.text());
    QTK_CHECK(attrs.epsilon > 0, ValueError, "[batch_norm] epsilon, was {}, expected > 0", attrs.epsilon);
    QTK_CHECK(attrs.momentum >= 0 && attrs.momentum <= 1, ValueError, "[batch_norm] momentum, was {}, expected 0..1",
              attrs.momentum);
    const Channels s = channels(attrs, in[0].shape);
    QTK_CHECK(!attrs.training || s.count() > 0, ShapeError, "[batch_norm] x, was {}, expected values to train on",
              in[0].shape.text());
    for (size_t i = 1; i < in.size(); ++i) {
      check_same_dtype(name, inputs()[i], in[i], in[0].dtype);
      check_ndim(name, inputs()[i], in[i], 1);
      check_extent(name, inputs()[i] + " length", in[i].shape[0], s.channels);
    }
    return {in[0]};
  }

  /// Per channel, float64: mean and variance that normalize.
  struct Statistics {
    std::vector<double> mean, variance;
  };

  template <class T>
  static Statistics batch_statistics(const Channels& s, const T* x) {
    const auto n = static_cast<size_t>(s.channels);
    Statistics out{std::vector<double>(n), std::vector<double>(n)};
    const auto count = static_cast<double>(s.count());
    for_each_run(s, [&](int64_t c, int64_t at, int64_t length) {
      out.mean[static_cast<size_t>(c)] += interleaved_sum<T>(length, [&](int64_t i) { return x[at + i]; });
    });
    for (double& v : out.mean) v /= count;
    for_each_run(s, [&](int64_t c, int64_t at, int64_t length) {
      const auto mean = static_cast<T>(out.mean[static_cast<size_t>(c)]);
      out.variance[static_cast<size_t>(c)] +=
          interleaved_sum<T>(length, [&](int64_t i) { return (x[at + i] - mean) * (x[at + i] - mean); });
    });
    for (double& v : out.variance) v /= count;
    return out;
  }

  /// y; in training also mean and variance of the batch, for the gradient.
  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous();
    const Channels s = channels(attrs, x.shape());
    Array y = Array::empty(x.shape(), x.dtype());
    const auto gamma = in[1].to_vector<double>(), beta = in[2].to_vector<double>();
    Arrays out = {y};
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      Statistics used;
      if (attrs.training) {
        used = batch_statistics(s, x.data<T>());
        move(in[3], used.mean, attrs.momentum);
        move(in[4], used.variance, attrs.momentum);
        out.push_back(Array::from(used.mean));
        out.push_back(Array::from(used.variance));
      } else {
        used = {in[3].to_vector<double>(), in[4].to_vector<double>()};
      }
      const T* from = x.data<T>();
      T* to = y.mutable_data<T>();
      for_each_run(s, [&](int64_t channel, int64_t at, int64_t length) {
        const auto c = static_cast<size_t>(channel);
        const double factor = gamma[c] / std::sqrt(used.variance[c] + attrs.epsilon);
        const auto scale = static_cast<T>(factor), shift = static_cast<T>(beta[c] - used.mean[c] * factor);
        for (int64_t i = at; i < at + length; ++i) to[i] = from[i] * scale + shift;
      });
    });
    return out;
  }

  /// As MXNet's auxiliary states: the array itself changes.
  static void move(Array running, const std::vector<double>& batch, double momentum) {
    std::vector<double> v = running.to_vector<double>();
    for (size_t c = 0; c < v.size(); ++c) v[c] = momentum * v[c] + (1 - momentum) * batch[c];
    running.assign(Array::from(v));
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const auto x = in[0].to_vector<double>(), gamma = in[1].to_vector<double>(), beta = in[2].to_vector<double>();
    auto mean = in[3].to_vector<double>(), variance = in[4].to_vector<double>();
    const Channels s = channels(attrs, in[0].shape());
    const auto channel = [&](size_t i) { return i / static_cast<size_t>(s.inner) % static_cast<size_t>(s.channels); };
    if (attrs.training) {
      std::vector<double> first(mean.size(), 0.0), second(mean.size(), 0.0);  // moments about 0
      for (size_t i = 0; i < x.size(); ++i)
        first[channel(i)] += x[i] / static_cast<double>(s.count()),
            second[channel(i)] += x[i] * x[i] / static_cast<double>(s.count());
      for (size_t c = 0; c < mean.size(); ++c) mean[c] = first[c], variance[c] = second[c] - first[c] * first[c];
    }
    std::vector<double> y;
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = channel(i);
      y.push_back((x[i] - mean[c]) / std::sqrt(variance[c] + attrs.epsilon) * gamma[c] + beta[c]);
    }
    return {Array::from(y, in[0].shape())};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array x = call.inputs[0].contiguous(), d = call.output_grads[0].contiguous();
    const Channels s = channels(attrs, x.shape());
    const auto n = static_cast<size_t>(s.channels);
    const auto gamma = call.inputs[1].to_vector<double>();
    Array dx = Array::empty(x.shape(), x.dtype());
    std::vector<double> dgamma(n), dbeta(n), dmean(n), dvariance(n);
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T *values = x.data<T>(), *slopes = d.data<T>();
      Statistics used;
      if (!attrs.training)
        used = {call.inputs[3].to_vector<double>(), call.inputs[4].to_vector<double>()};
      else if (call.outputs.size() == 3)
        used = {call.outputs[1].to_vector<double>(), call.outputs[2].to_vector<double>()};
      else
        used = batch_statistics(s, values);
      std::vector<double> rstd(n);
      for (size_t c = 0; c < n; ++c) rstd[c] = 1 / std::sqrt(used.variance[c] + attrs.epsilon);
      for_each_run(s, [&](int64_t channel, int64_t at, int64_t length) {
        const auto c = static_cast<size_t>(channel);
        const auto mean = static_cast<T>(used.mean[c]);
        dbeta[c] += interleaved_sum<T>(length, [&](int64_t i) { return slopes[at + i]; });
        dgamma[c] +=
            rstd[c] * interleaved_sum<T>(length, [&](int64_t i) { return slopes[at + i] * (values[at + i] - mean); });
      });
      // In training, mean and variance depend on x as well; they take the part of d that lies along 1 and along x.
      const double share = attrs.training ? 1 / static_cast<double>(s.count()) : 0;
      for_each_run(s, [&](int64_t channel, int64_t at, int64_t length) {
        const auto c = static_cast<size_t>(channel);
        const auto factor = static_cast<T>(gamma[c] * rstd[c]), mean = static_cast<T>(used.mean[c]);
        const auto level = static_cast<T>(share * dbeta[c]), slope = static_cast<T>(share * dgamma[c] * rstd[c]);
        T* to = dx.mutable_data<T>();
        for (int64_t i = at; i < at + length; ++i) to[i] = factor * (slopes[i] - level - (values[i] - mean) * slope);
      });
      if (attrs.training) return;
      for (size_t c = 0; c < n; ++c) {
        dmean[c] = -gamma[c] * rstd[c] * dbeta[c];
        dvariance[c] = -0.5 * gamma[c] * rstd[c] * rstd[c] * dgamma[c];
      }
    });
    Arrays out = {dx};
    for (const auto& v : {dgamma, dbeta, dmean, dvariance}) out.push_back(Array::from(v).astype(x.dtype()));
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.lower = lower;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      const int row_axes = call.input_types[0].shape.ndim();
      const auto axis = static_cast<int>(attrs.axis);
      return std::make_unique<BatchNormNode>(call, axis < 0 ? axis + row_axes : axis - call.lead_axes);
    };
    return form;
  }

  static std::vector<NamedArray> lower(const LowerCall& call) {
    const std::string who = lowering_name(name, call);
    const auto attrs = from_attributes<Attrs>(*call.attributes, name);
    QTK_CHECK(!attrs.training, UnsupportedError, "[{}] training, was true, expected a graph traced for inference", who);
    std::vector<float> scale, shift;
    const auto gamma = parameter_of(call, 0).to_vector<double>(), beta = parameter_of(call, 1).to_vector<double>();
    const auto mean = parameter_of(call, 2).to_vector<double>(), variance = parameter_of(call, 3).to_vector<double>();
    for (size_t c = 0; c < gamma.size(); ++c) {
      const double factor = gamma[c] / std::sqrt(variance[c] + attrs.epsilon);
      scale.push_back(static_cast<float>(factor));
      shift.push_back(static_cast<float>(beta[c] - mean[c] * factor));
      QTK_CHECK(std::isfinite(scale.back()) && std::isfinite(shift.back()), ValueError,
                "[{}] channel {}, has scale {} and shift {}, expected numbers", who, c, scale.back(), shift.back());
    }
    return {{"scale", Array::from(scale)}, {"shift", Array::from(shift)}};
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    const auto add = [&](const Shape& x, int axis, bool training) {
      const TensorType channel = float32({x[axis]});
      out.push_back(
          {{float32(x), channel, channel, channel, channel}, to_attributes(Attrs{axis, 1e-3, 0.75, training}), 0.5, 2});
    };
    for (const bool training : {false, true}) {
      add({5, 3}, 1, training);
      add({4, 3, 5, 7}, 1, training);
      add({3, 2, 17}, -1, training);
      add({2, 35, 9}, 1, training);
      add({67, 33}, 1, training);
    }
    add({0, 3, 4}, 1, false);
    return out;
  }
  static std::vector<OperatorMisuse> misuses() {
    const auto call = [](const Shape& x, int64_t length) {
      Types types(5, float32({x[1]}));
      types[0] = float32(x);
      types[4] = float32({length});
      return types;
    };
    return {{call({2, 3}, 4), {}, "[batch_norm] running_var length, was 4, expected 3"},
            {call({2, 3}, 3), to_attributes(Attrs{1, 0}), "[batch_norm] epsilon, was 0"},
            {call({2, 3}, 3), to_attributes(Attrs{1, 1e-5, 2}), "[batch_norm] momentum, was 2"},
            {call({0, 3}, 3), to_attributes(Attrs{1, 1e-5, 0.9, true}), "expected values to train on"}};
  }
};

}  // namespace

const Operator& batch_norm_operator() { return operator_row<BatchNorm>(); }

Array batch_norm(const Array& x, const Array& gamma, const Array& beta, const Array& running_mean,
                 const Array& running_var, int axis, double epsilon, double momentum, bool training) {
  return invoke1(batch_norm_operator(), to_attributes(BatchNorm::Attrs{axis, epsilon, momentum, training}),
                 {x, gamma, beta, running_mean, running_var});
}

}  // namespace quantick
