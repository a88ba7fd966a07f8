#include "quantick/ops/convolution/convolution_float.h"
#include "quantick/ops/convolution/convolution_node.h"
#include "quantick/ops/convolution/gathered_product.h"
#include "quantick/ops/define.h"

namespace quantick {
namespace {

using Sizes = std::vector<int64_t>;

struct Convolution {
  static constexpr std::string_view name = "convolution", family = "convolution", onnx = "Conv";
  static constexpr std::string_view summary =
      "Convolution of x [batch, channels, width] or [batch, channels, height, width] with weight [out, channels / "
      "groups, window...], plus bias [out].";
  static constexpr int optional_inputs = 1;
  static constexpr double tolerance = 1e-5;
  struct Attrs {
    Sizes strides, pads, dilations;
    int64_t groups = 1;
    static constexpr auto fields() {
      return std::make_tuple(field("strides", &Attrs::strides, "per axis; empty: 1"),
                             field("pads", &Attrs::pads, "zeros at the begin of each axis, then at the ends; empty: 0"),
                             field("dilations", &Attrs::dilations, "distance of taps per axis; empty: 1"),
                             field("groups", &Attrs::groups, "groups of channels that do not see each other"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "weight", "bias"}; }

  static ConvolutionSizes sizes(const Attrs& attrs, const Shape& x, const Shape& weight) {
    const std::span<const int64_t> window(weight.begin() + std::min(2, weight.ndim()), weight.end());
    return {x[0], attrs.groups, weight[1], weight[0] / attrs.groups,
            make_windows(x, window, attrs.strides, attrs.pads, attrs.dilations, name)};
  }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    const Shape &x = in[0].shape, &weight = in[1].shape;
    QTK_CHECK(x.ndim() == 3 || x.ndim() == 4, ShapeError, "[convolution] x, was {}, expected 3 or 4 dimensions",
              x.text());
    check_same_dtype(name, "weight", in[1], in[0].dtype);
    check_ndim(name, "weight", in[1], x.ndim());
    QTK_CHECK(attrs.groups > 0 && weight[0] % attrs.groups == 0, ValueError,
              "[convolution] groups, was {}, expected a divisor of {} output channels", attrs.groups, weight[0]);
    check_extent(name, "channels", x[1], weight[1] * attrs.groups);
    if (in.size() > 2 && !is_absent(in[2])) {
      check_same_dtype(name, "bias", in[2], in[0].dtype);
      check_ndim(name, "bias", in[2], 1);
      check_extent(name, "bias length", in[2].shape[0], weight[0]);
    }
    return {{in[0].dtype, windows_shape(x, weight[0], sizes(attrs, x, weight).windows)}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const ConvolutionSizes s = sizes(attrs, in[0].shape(), in[1].shape());
    Array y = Array::empty(windows_shape(in[0].shape(), in[1].shape()[0], s.windows), in[0].dtype());
    const Array bias = in.size() > 2 && in[2].defined() ? in[2].contiguous() : Array();
    convolution_forward(s, in[0].contiguous(), in[1].contiguous(), bias, y);
    return {y};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const ConvolutionSizes s = sizes(attrs, in[0].shape(), in[1].shape());
    const WindowAxis &h = s.windows.h, &w = s.windows.w;
    const auto x = in[0].to_vector<double>(), weight = in[1].to_vector<double>();
    const auto bias =
        in.size() > 2 && in[2].defined() ? in[2].to_vector<double>() : std::vector<double>(weight.size(), 0.0);
    std::vector<double> y;
    for (int64_t n = 0; n < s.batch; ++n)
      for (int64_t o = 0; o < s.groups * s.out; ++o)
        for (int64_t row = 0; row < h.result(); ++row)
          for (int64_t column = 0; column < w.result(); ++column) {
            double total = bias[static_cast<size_t>(o)];
            for (int64_t i = 0; i < s.in; ++i)
              for (int64_t a = 0; a < h.window; ++a)
                for (int64_t b = 0; b < w.window; ++b) {
                  const int64_t v = row * h.stride + a * h.dilation - h.begin;
                  const int64_t u = column * w.stride + b * w.dilation - w.begin;
                  if (v < 0 || v >= h.size || u < 0 || u >= w.size) continue;
                  const int64_t channel = (n * s.groups + o / s.out) * s.in + i;
                  total += x[static_cast<size_t>((channel * h.size + v) * w.size + u)] *
                           weight[static_cast<size_t>(((o * s.in + i) * h.window + a) * w.window + b)];
                }
            y.push_back(total);
          }
    return {Array::from(y, windows_shape(in[0].shape(), in[1].shape()[0], s.windows))};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array x = call.inputs[0].contiguous(), weight = call.inputs[1].contiguous();
    const Array d = call.output_grads[0].contiguous();
    Arrays out = {Array::zeros(x.shape(), x.dtype()), Array::zeros(weight.shape(), x.dtype())};
    convolution_backward(sizes(attrs, x.shape(), weight.shape()), x, weight, d, out[0], out[1]);
    if (call.inputs.size() > 2)
      out.push_back(call.inputs[2].defined() ? sum(sum(d.reshape({d.shape()[0], d.shape()[1], -1}), {2}), {0})
                                             : Array());
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.reads_integers = true;
    form.row_axes = 2;
    form.lower = [](const LowerCall& call) {
      const Shape& weight = parameter_of(call, 0).shape();
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      std::vector<NamedArray> constants = lower_gathered(call, attrs.groups, lowering_name(name, call));
      constants.push_back({"window", Array::from(Sizes(weight.begin() + 2, weight.end()))});
      return constants;
    };
    form.prepare = [](const PrepareCall& call) {
      const auto attrs = from_attributes<Attrs>(*call.attributes, name);
      Shape x = call.input_types[0].shape;
      QTK_CHECK(attrs.groups > 0, FormatError, "[convolution] groups, was {}, expected > 0", attrs.groups);
      x.insert(0, 1);
      const Windows windows = make_windows(x, call.constant("window").to_vector<int64_t>(), attrs.strides, attrs.pads,
                                           attrs.dilations, name);
      return make_convolution_node(call, windows, attrs.groups);
    };
    form.error_steps = 1.25;  // the weights' rounding, summed over the samples' longest row
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const auto attributes = [](const Sizes& strides, const Sizes& pads, const Sizes& dilations, int64_t groups) {
      return to_attributes(Attrs{strides, pads, dilations, groups});
    };
    return {
        {{float32({2, 3, 7}), float32({4, 3, 3}), float32({4})}, {}, -1, 1},
        {{float32({3, 4, 11}), float32({6, 2, 3}), float32({6})}, attributes({2}, {2, 1}, {2}, 2), -1, 1},
        {{float32({2, 1, 5, 6}), float32({3, 1, 3, 3}), float32({3})}, attributes({}, {1, 1, 1, 1}, {}, 1), -1, 1},
        {{float32({2, 3, 7, 5}), float32({2, 3, 3, 2})}, attributes({2, 1}, {1, 0, 0, 2}, {1, 2}, 1), -1, 1},
        {{float32({5, 4, 4, 4}), float32({4, 1, 3, 3}), float32({4})}, attributes({1, 2}, {1, 1, 1, 1}, {}, 4), -1, 1},
        {{float32({3, 5, 3, 4}), float32({7, 5, 1, 1})}, attributes({2, 2}, {}, {}, 1), -1, 1},
        {{float32({0, 3, 7}), float32({4, 3, 3}), float32({4})}, {}, -1, 1},
        {{float32({1, 17, 9, 10}), float32({35, 17, 3, 3}), float32({35})},
         attributes({}, {1, 1, 1, 1}, {}, 1),
         -1,
         1}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const Types good = {float32({2, 3, 7}), float32({4, 3, 3})};
    return {{{float32({2, 3}), float32({4, 3})}, {}, "[convolution] x, was (2, 3), expected 3 or 4 dimensions"},
            {{float32({2, 4, 7}), float32({4, 3, 3})}, {}, "[convolution] channels, was 4, expected 3"},
            {good, to_attributes(Attrs{{}, {}, {}, 3}), "[convolution] groups, was 3, expected a divisor of 4"},
            {good, to_attributes(Attrs{{1, 1}, {}, {}, 1}), "[convolution] strides, were 2 values, expected none or 1"},
            {good, to_attributes(Attrs{{0}, {}, {}, 1}), "[convolution] strides, held 0, expected >= 1"},
            {good, to_attributes(Attrs{{}, {}, {4}, 1}), "[convolution] window of 3 taps, reaches over 9"},
            {{float32({2, 3, 7}), float32({4, 3, 3}), float32({3})}, {}, "[convolution] bias length, was 3"}};
  }
};

}  // namespace

const Operator& convolution_operator() { return operator_row<Convolution>(); }

Array convolution(const Array& x, const Array& weight, const Array& bias, const std::vector<int64_t>& strides,
                  const std::vector<int64_t>& pads, const std::vector<int64_t>& dilations, int64_t groups) {
  const Attributes attributes = to_attributes(Convolution::Attrs{strides, pads, dilations, groups});
  if (!bias.defined()) return invoke1(convolution_operator(), attributes, {x, weight});
  return invoke1(convolution_operator(), attributes, {x, weight, bias});
}

}  // namespace quantick
