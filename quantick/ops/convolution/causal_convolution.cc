#include <algorithm>

#include "quantick/ops/convolution/convolution_node.h"
#include "quantick/ops/convolution/gathered_product.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/linalg/product.h"

namespace quantick {
namespace {

/// Values of the past that a node keeps at most: sizes in bytes stay far from overflow.
constexpr double kMostValues = 0x1p40;

struct CausalConvolution {
  static constexpr std::string_view name = "causal_convolution", family = "convolution", onnx = "";
  static constexpr std::string_view summary =
      "Convolution over time of x [steps, batch, ..., channels] with weight [out, channels / groups, taps], newest tap "
      "last, plus bias [out]; reads zeros before the start. Axes between batch and channels share the weights.";
  static constexpr int optional_inputs = 1;
  static constexpr double tolerance = 1e-5;
  struct Attrs {
    int64_t dilation = 1, groups = 1;
    static constexpr auto fields() {
      return std::make_tuple(field("dilation", &Attrs::dilation, "steps between taps"),
                             field("groups", &Attrs::groups, "groups of channels that do not see each other"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "weight", "bias"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.ndim() >= 3, ShapeError, "[causal_convolution] x, was {}, expected 3 dimensions or more",
              in[0].shape.text());
    check_same_dtype(name, "weight", in[1], in[0].dtype);
    check_ndim(name, "weight", in[1], 3);
    const Shape &x = in[0].shape, &weight = in[1].shape;
    QTK_CHECK(weight[2] > 0, ShapeError, "[causal_convolution] taps, was 0, expected at least 1");
    QTK_CHECK(attrs.dilation > 0, ValueError, "[causal_convolution] dilation, was {}, expected >= 1", attrs.dilation);
    QTK_CHECK(attrs.groups > 0 && weight[0] % attrs.groups == 0, ValueError,
              "[causal_convolution] groups, was {}, expected a divisor of {} output channels", attrs.groups, weight[0]);
    check_extent(name, "channels", x[-1], weight[1] * attrs.groups);
    if (in.size() > 2 && !is_absent(in[2])) {
      check_same_dtype(name, "bias", in[2], in[0].dtype);
      check_ndim(name, "bias", in[2], 1);
      check_extent(name, "bias length", in[2].shape[0], weight[0]);
    }
    return {{in[0].dtype, result_shape(x, weight)}};
  }

  static Shape result_shape(Shape x, const Shape& weight) {
    x[-1] = weight[0];
    return x;
  }
  /// Rows of channels in one step: batch and columns.
  static int64_t step_rows(const Shape& x) {
    int64_t rows = 1;
    for (int axis = 1; axis < x.ndim() - 1; ++axis) rows *= x[axis];
    return rows;
  }

  /// One product of rows per tap and group: a lag of time is an offset of rows, since time is the first axis.
  struct Piece {
    int64_t rows;        ///< of x from the start, of y from `offset` on
    int64_t offset;      ///< in rows
    int64_t in, out;     ///< channels of a group
    int64_t x_at, y_at;  ///< first channel of the group
    int64_t weight_at;   ///< in weights [tap, group, out, in]
  };
  template <class F>
  static void for_each_piece(const Attrs& attrs, const Shape& x, const Shape& weight, F&& visit) {
    const int64_t taps = weight[2], in = weight[1], out = weight[0] / attrs.groups, rows = step_rows(x);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t lag = (taps - 1 - tap) * attrs.dilation;
      if (lag >= x[0]) continue;
      for (int64_t g = 0; g < attrs.groups; ++g)
        visit(Piece{(x[0] - lag) * rows, lag * rows, in, out, g * in, g * out, (tap * weight[0] + g * out) * in});
    }
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Array x = in[0].contiguous(), weight = in[1].transpose({2, 0, 1}).contiguous();
    const Shape& shape = in[1].shape();
    const int64_t channels = x.shape()[-1], width = shape[0];
    Array y = Array::zeros(result_shape(x.shape(), shape), x.dtype());
    if (in.size() > 2 && in[2].defined()) y.assign(in[2].broadcast_to(y.shape()));
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for_each_piece(attrs, x.shape(), shape, [&](const Piece& p) {
        product(false, true, p.rows, p.out, p.in, x.data<T>() + p.x_at, channels, weight.data<T>() + p.weight_at, p.in,
                T(1), y.mutable_data<T>() + p.offset * width + p.y_at, width);
      });
    });
    return {y};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Shape &x_shape = in[0].shape(), &shape = in[1].shape();
    const int64_t width = shape[0], channels = shape[1], taps = shape[2], rows = step_rows(x_shape);
    const auto x = in[0].to_vector<double>(), weight = in[1].to_vector<double>();
    const auto bias = in.size() > 2 && in[2].defined() ? in[2].to_vector<double>()
                                                       : std::vector<double>(static_cast<size_t>(width), 0.0);
    std::vector<double> y;
    for (int64_t t = 0; t < x_shape[0]; ++t)
      for (int64_t n = 0; n < rows; ++n)
        for (int64_t o = 0; o < width; ++o) {
          double total = bias[static_cast<size_t>(o)];
          for (int64_t i = 0; i < channels; ++i)
            for (int64_t k = 0; k < taps; ++k) {
              const int64_t at = t - (taps - 1 - k) * attrs.dilation;
              const int64_t channel = o / (width / attrs.groups) * channels + i;
              if (at >= 0)
                total += x[static_cast<size_t>((at * rows + n) * x_shape[-1] + channel)] *
                         weight[static_cast<size_t>((o * channels + i) * taps + k)];
            }
          y.push_back(total);
        }
    return {Array::from(y, result_shape(x_shape, shape))};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array x = call.inputs[0].contiguous(), weight = call.inputs[1].transpose({2, 0, 1}).contiguous();
    const Array d = call.output_grads[0].contiguous();
    const Shape& shape = call.inputs[1].shape();
    const int64_t channels = x.shape()[-1], width = shape[0];
    Array dx = Array::zeros(x.shape(), x.dtype()), dweight = Array::zeros(weight.shape(), x.dtype());
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for_each_piece(attrs, x.shape(), shape, [&](const Piece& p) {
        const T* from = d.data<T>() + p.offset * width + p.y_at;
        product(false, false, p.rows, p.in, p.out, from, width, weight.data<T>() + p.weight_at, p.in, T(1),
                dx.mutable_data<T>() + p.x_at, channels);
        product(true, false, p.out, p.in, p.rows, from, width, x.data<T>() + p.x_at, channels, T(1),
                dweight.mutable_data<T>() + p.weight_at, p.in);
      });
    });
    Arrays out = {dx, dweight.transpose({1, 2, 0}).contiguous()};
    if (call.inputs.size() > 2) out.push_back(call.inputs[2].defined() ? sum(d.reshape({-1, width}), {0}) : Array());
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::recurrent;
    form.reads_integers = true;
    form.lower = [](const LowerCall& call) {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      std::vector<NamedArray> constants = lower_gathered(call, attrs.groups, lowering_name(name, call));
      constants.push_back({"taps", Array::from(std::vector<int64_t>{parameter_of(call, 0).shape()[2]})});
      return constants;
    };
    form.prepare = [](const PrepareCall& call) {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      const double taps = call.constant("taps").item();
      const Shape& x = call.input_types[0].shape;
      QTK_CHECK(x.ndim() >= 1 && x.size() > 0 && taps >= 1 && attrs.dilation > 0 && attrs.groups > 0 &&
                    taps * static_cast<double>(attrs.dilation) <= kMostValues / static_cast<double>(x.size()) &&
                    attrs.groups <= x[-1],
                FormatError,
                "[causal_convolution] taps, dilation and groups, were {}, {} and {}, expected > 0 and fit "
                "for channels {}",
                taps, attrs.dilation, attrs.groups, x.text());
      return make_causal_convolution_node(call, {.taps = static_cast<int64_t>(taps),
                                                 .dilation = attrs.dilation,
                                                 .groups = attrs.groups,
                                                 .columns = x.size() / x[-1],
                                                 .channels = x[-1]});
    };
    form.error_steps = 1.25;  // the weights' rounding, summed over the samples' longest row
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const auto attributes = [](int64_t dilation, int64_t groups) { return to_attributes(Attrs{dilation, groups}); };
    return {{{float32({7, 2, 3}), float32({4, 3, 3}), float32({4})}, {}, -1, 1},
            {{float32({11, 3, 4}), float32({6, 2, 2}), float32({6})}, attributes(4, 2), -1, 1},
            {{float32({3, 2, 5}), float32({2, 5, 4})}, attributes(2, 1), -1, 1},  // the window is longer than time
            {{float32({5, 2, 3}), float32({3, 1, 3}), float32({3})}, attributes(1, 3), -1, 1},
            {{float32({4, 0, 3}), float32({4, 3, 1}), float32({4})}, {}, -1, 1},
            {{float32({6, 67, 17}), float32({33, 17, 3}), float32({33})}, attributes(2, 1), -1, 1},
            {{float32({6, 3, 2, 3, 4}), float32({6, 2, 2}), float32({6})}, attributes(2, 2), -1, 1},
            {{float32({7, 2, 5, 17}), float32({33, 17, 4}), float32({33})}, {}, -1, 1}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const Types good = {float32({7, 2, 3}), float32({4, 3, 3})};
    return {{{float32({7, 2}), float32({4, 3, 3})},
             {},
             "[causal_convolution] x, was (7, 2), expected 3 dimensions or more"},
            {{float32({7, 2, 4}), float32({4, 3, 3})}, {}, "[causal_convolution] channels, was 4, expected 3"},
            {good, to_attributes(Attrs{0, 1}), "[causal_convolution] dilation, was 0"},
            {good, to_attributes(Attrs{1, 3}), "[causal_convolution] groups, was 3, expected a divisor of 4"}};
  }
};

}  // namespace

const Operator& causal_convolution_operator() { return operator_row<CausalConvolution>(); }

Array causal_convolution(const Array& x, const Array& weight, const Array& bias, int64_t dilation, int64_t groups) {
  const Attributes attributes = to_attributes(CausalConvolution::Attrs{dilation, groups});
  if (!bias.defined()) return invoke1(causal_convolution_operator(), attributes, {x, weight});
  return invoke1(causal_convolution_operator(), attributes, {x, weight, bias});
}

}  // namespace quantick
