#include <algorithm>
#include <cmath>

#include "quantick/kernels/lstm/lstm.h"
#include "quantick/ops/define.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/recurrent/lstm_layer.h"

namespace quantick {
namespace {

/// What the kernel takes: sums times this stay finite.
constexpr float kLargestGateScale = 0x1p70f;

/// State of a batch: the cells [batch, units] float32, then the hidden values [batch, units] int16.
class LstmNode : public IntegerNode {
 public:
  explicit LstmNode(const PrepareCall& call) : kernel_(spec(call)) {
    check_extent("lstm", "channels", call.input_types[0].shape.size(), kernel_.inputs());
    check_extent("lstm", "output channels", call.output_type.shape.size(), kernel_.units());
    QTK_CHECK(call.output == kQ15, FormatError, "[lstm] output format, expected int16 with scale 2^-15");
  }

  void run(const Call& call) const noexcept override {
    auto* c = static_cast<float*>(call.state);
    auto* h = reinterpret_cast<int16_t*>(c + call.batch * kernel_.units());
    kernel_.run(call.inputs[0], call.steps, call.batch, static_cast<int16_t*>(call.output), h, c, call.scratch);
  }
  int64_t state_bytes() const override {
    return kernel_.units() * static_cast<int64_t>(sizeof(float) + sizeof(int16_t));
  }
  void reset_state(void* state, int64_t batch, int64_t row) const noexcept override {
    const int64_t units = kernel_.units();
    auto* c = static_cast<float*>(state);
    auto* h = reinterpret_cast<int16_t*>(c + batch * units);
    std::fill_n(c + row * units, units, 0.0f);
    std::fill_n(h + row * units, units, int16_t{0});
  }
  int64_t scratch_bytes(int64_t, int64_t) const override { return static_cast<int64_t>(kernel_.scratch_bytes()); }

 private:
  static kernels::LstmSpec spec(const PrepareCall& call) {
    const Array &wx = call.constant("wx"), &wh = call.constant("wh"), &bx = call.constant("bx");
    const Array &sx = call.constant("sx"), &sh = call.constant("sh");
    QTK_CHECK(wx.ndim() == 2 && wh.ndim() == 2, FormatError, "[lstm] weights, were {} and {}, expected matrices",
              wx.type().text(), wh.type().text());
    const int64_t units = wh.shape()[1];
    const Shape rows{4 * units};
    QTK_CHECK(wx.shape()[0] == 4 * units && wh.shape()[0] == 4 * units && bx.shape() == rows && sx.shape() == rows &&
                  sh.shape() == rows,
              FormatError, "[lstm] constants, were {}, {}, {}, {}, {}, expected 4 * {} rows", wx.type().text(),
              wh.type().text(), bx.type().text(), sx.type().text(), sh.type().text(), units);
    return {.inputs = wx.shape()[1],
            .units = units,
            .x_bits = call.inputs[0].bits(),
            .wx = wx.data<int8_t>(),
            .wh = wh.data<int8_t>(),
            .bx = bx.data<int64_t>(),
            .sx = sx.data<float>(),
            .sh = sh.data<float>()};
  }

  kernels::LstmKernel kernel_;
};

struct Lstm {
  static constexpr std::string_view name = "lstm", family = "recurrent", onnx = "LSTM";
  static constexpr std::string_view summary =
      "One layer over [steps, batch, inputs], gates i, f, g, o; gives y [steps, batch, units], h_n and c_n.";
  static constexpr int optional_inputs = 2, visible_outputs = 3;
  static constexpr double tolerance = 1e-5;
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x", "w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0"}; }

  static LstmSizes sizes(const Shape& x, const Shape& w_hh) { return {x[0], x[1], x[2], w_hh[1]}; }

  static Types infer(const Attrs&, const Types& in) {
    check_float(name, "x", in[0]);
    check_ndim(name, "x", in[0], 3);
    check_ndim(name, "w_ih", in[1], 2);
    check_ndim(name, "w_hh", in[2], 2);
    const LstmSizes s = sizes(in[0].shape, in[2].shape);
    QTK_CHECK(s.steps > 0, ShapeError, "[lstm] steps, was 0, expected at least 1");
    check_extent(name, "w_hh rows", in[2].shape[0], 4 * s.units);
    check_extent(name, "w_ih rows", in[1].shape[0], 4 * s.units);
    check_extent(name, "w_ih columns", in[1].shape[1], s.inputs);
    for (size_t i = 1; i < in.size(); ++i) {
      if (is_absent(in[i])) continue;
      const std::string what = inputs()[i];
      check_same_dtype(name, what, in[i], in[0].dtype);
      if (i == 3 || i == 4) {
        check_ndim(name, what, in[i], 1);
        check_extent(name, what + " length", in[i].shape[0], 4 * s.units);
      } else if (i >= 5) {
        check_ndim(name, what, in[i], 2);
        check_extent(name, what + " rows", in[i].shape[0], s.batch);
        check_extent(name, what + " columns", in[i].shape[1], s.units);
      }
    }
    const DType dtype = in[0].dtype;
    return {
        {dtype, Shape{s.steps, s.batch, s.units}}, {dtype, Shape{s.batch, s.units}}, {dtype, Shape{s.batch, s.units}}};
  }

  static Array state(std::span<const Array> in, size_t index) { return in.size() > index ? in[index] : Array(); }

  static LstmForward run(std::span<const Array> in, bool keep) {
    return lstm_forward(sizes(in[0].shape(), in[2].shape()), in[0], in[1], in[2], in[3], in[4], state(in, 5),
                        state(in, 6), keep);
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const bool keep = recording();
    const LstmForward r = run(in, keep);
    if (!keep) return {r.y, r.h_n, r.c_n};
    return {r.y, r.h_n, r.c_n, r.kept.xh, r.kept.gates, r.kept.c};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const LstmSizes s = sizes(in[0].shape(), in[2].shape());
    const auto I = static_cast<size_t>(s.inputs), H = static_cast<size_t>(s.units), N = static_cast<size_t>(s.batch);
    const auto x = in[0].to_vector<double>(), wx = in[1].to_vector<double>(), wh = in[2].to_vector<double>();
    const auto bx = in[3].to_vector<double>(), bh = in[4].to_vector<double>();
    const auto initial = [&](size_t at) {
      return state(in, at).defined() ? in[at].to_vector<double>() : std::vector<double>(N * H, 0.0);
    };
    std::vector<double> h = initial(5), c = initial(6), y;
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    for (size_t t = 0; t < static_cast<size_t>(s.steps); ++t) {
      std::vector<double> next = h;
      for (size_t n = 0; n < N; ++n)
        for (size_t u = 0; u < H; ++u) {
          double p[4];
          for (size_t gate = 0; gate < 4; ++gate) {
            const size_t row = gate * H + u;
            p[gate] = bx[row] + bh[row];
            for (size_t i = 0; i < I; ++i) p[gate] += wx[row * I + i] * x[(t * N + n) * I + i];
            for (size_t i = 0; i < H; ++i) p[gate] += wh[row * H + i] * h[n * H + i];
          }
          double& cell = c[n * H + u];
          cell = sigmoid(p[1]) * cell + sigmoid(p[0]) * std::tanh(p[2]);
          next[n * H + u] = sigmoid(p[3]) * std::tanh(cell);
        }
      h = next;
      y.insert(y.end(), h.begin(), h.end());
    }
    const Shape frame{s.batch, s.units};
    return {Array::from(y, {s.steps, s.batch, s.units}), Array::from(h, frame), Array::from(c, frame)};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const auto& in = call.inputs;
    const LstmKept kept =
        call.outputs.size() == 6 ? LstmKept{call.outputs[3], call.outputs[4], call.outputs[5]} : run(in, true).kept;
    const LstmGradients g = lstm_backward(sizes(in[0].shape(), in[2].shape()), in[1], in[2], state(in, 6), kept,
                                          call.output_grads[0], call.output_grads[1], call.output_grads[2]);
    Arrays out = {g.x, g.w_ih, g.w_hh, g.bias, g.bias};
    if (in.size() > 5) out.push_back(in[5].defined() ? g.h0 : Array());
    if (in.size() > 6) out.push_back(in[6].defined() ? g.c0 : Array());
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::recurrent;
    form.output = IntegerForm::OutputFormat::q15;
    form.reads_integers = true;
    form.lower = lower;
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      return std::make_unique<LstmNode>(call);
    };
    form.error_steps = 300;  // of 2^-15: rounded weights; the state itself is float32
    return form;
  }

  static std::vector<NamedArray> lower(const LowerCall& call) {
    const std::string who = lowering_name(name, call);
    require_quantized_inputs(call, who);
    QTK_CHECK(!parameter_of(call, 4).defined() && !parameter_of(call, 5).defined(), UnsupportedError,
              "[{}] h0 and c0 have no fixed-bits form: the state starts at zero", who);
    const Array w_ih = parameter_of(call, 0), w_hh = parameter_of(call, 1);
    const float s_x = call.inputs[0].scale;
    std::vector<double> bias = parameter_values(parameter_of(call, 2), w_ih.shape()[0]);
    const std::vector<double> second = parameter_values(parameter_of(call, 3), w_ih.shape()[0]);
    for (size_t i = 0; i < bias.size(); ++i) bias[i] += second[i];
    const QuantizedWeight wx = quantize_weight(w_ih, call.precision.weight_bits(), bias, s_x, who);
    const QuantizedWeight wh = quantize_weight(w_hh, call.precision.weight_bits(), {}, kQ15.scale, who);
    const std::vector<int64_t> bx = quantize_bias(bias, s_x, call.inputs[0].zero_point, wx, who);
    kernels::accumulator_bits(wx.values.data<int8_t>(), w_ih.shape()[0], w_ih.shape()[1], bx.data(),
                              call.inputs[0].bits());
    kernels::accumulator_bits(wh.values.data<int8_t>(), w_hh.shape()[0], w_hh.shape()[1], nullptr, kQ15.bits());
    return {{"wx", wx.values},
            {"wh", wh.values},
            {"bx", Array::from(bx)},
            {"sx", Array::from(row_scales(s_x, wx.scales, 1, kLargestGateScale, who))},
            {"sh", Array::from(row_scales(kQ15.scale, wh.scales, 1, kLargestGateScale, who))}};
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    const LstmSizes all[] = {{3, 2, 5, 4}, {1, 1, 1, 1}, {4, 67, 3, 5}, {2, 3, 17, 19}, {2, 0, 3, 2}};
    for (const LstmSizes& s : all)
      for (const bool states : {false, true}) {
        const int64_t H = s.units;
        Types types = {float32({s.steps, s.batch, s.inputs}), float32({4 * H, s.inputs}), float32({4 * H, H}),
                       float32({4 * H}), float32({4 * H})};
        if (states) types.insert(types.end(), 2, float32({s.batch, H}));
        out.push_back({types, {}, -1, 1});
      }
    return out;
  }

  static std::vector<OperatorMisuse> misuses() {
    const auto call = [](int64_t inputs, int64_t rows, int64_t bias, int64_t steps = 2) {
      return Types{float32({steps, 3, 5}), float32({rows, inputs}), float32({16, 4}), float32({bias}), float32({16})};
    };
    return {{call(5, 16, 16, 0), {}, "[lstm] steps, was 0, expected at least 1"},
            {call(6, 16, 16), {}, "[lstm] w_ih columns, was 6, expected 5"},
            {call(5, 12, 16), {}, "[lstm] w_ih rows, was 12, expected 16"},
            {call(5, 16, 4), {}, "[lstm] b_ih length, was 4, expected 16"}};
  }
};

}  // namespace

const Operator& lstm_operator() { return operator_row<Lstm>(); }

Arrays lstm(const Array& x, const Array& w_ih, const Array& w_hh, const Array& b_ih, const Array& b_hh, const Array& h0,
            const Array& c0) {
  Arrays inputs = {x, w_ih, w_hh, b_ih, b_hh};
  if (h0.defined() || c0.defined()) inputs.insert(inputs.end(), {h0, c0});
  Arrays outputs = invoke(lstm_operator(), {}, inputs);
  outputs.resize(3);
  return outputs;
}

}  // namespace quantick
