#include <cmath>

#include "quantick/ops/define.h"
#include "quantick/ops/recurrent/gru_layer.h"
#include "quantick/ops/recurrent/gru_node.h"

namespace quantick {
namespace {

struct Gru {
  static constexpr std::string_view name = "gru", family = "recurrent", onnx = "GRU";
  static constexpr std::string_view summary =
      "One layer over [steps, batch, inputs], gates r, z, n, the reset after the recurrent product; gives y [steps, "
      "batch, units] and h_n.";
  static constexpr int optional_inputs = 1, visible_outputs = 2;
  static constexpr double tolerance = 1e-5;
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x", "w_ih", "w_hh", "b_ih", "b_hh", "h0"}; }

  static GruSizes sizes(const Shape& x, const Shape& w_hh) { return {x[0], x[1], x[2], w_hh[1]}; }

  static Types infer(const Attrs&, const Types& in) {
    check_float(name, "x", in[0]);
    check_ndim(name, "x", in[0], 3);
    check_ndim(name, "w_ih", in[1], 2);
    check_ndim(name, "w_hh", in[2], 2);
    const GruSizes s = sizes(in[0].shape, in[2].shape);
    QTK_CHECK(s.steps > 0, ShapeError, "[gru] steps, was 0, expected at least 1");
    check_extent(name, "w_hh rows", in[2].shape[0], 3 * s.units);
    check_extent(name, "w_ih rows", in[1].shape[0], 3 * s.units);
    check_extent(name, "w_ih columns", in[1].shape[1], s.inputs);
    for (size_t i = 1; i < in.size(); ++i) {
      if (is_absent(in[i])) continue;
      const std::string what = inputs()[i];
      check_same_dtype(name, what, in[i], in[0].dtype);
      if (i == 3 || i == 4) {
        check_ndim(name, what, in[i], 1);
        check_extent(name, what + " length", in[i].shape[0], 3 * s.units);
      } else if (i == 5) {
        check_ndim(name, what, in[i], 2);
        check_extent(name, what + " rows", in[i].shape[0], s.batch);
        check_extent(name, what + " columns", in[i].shape[1], s.units);
      }
    }
    const DType dtype = in[0].dtype;
    return {{dtype, Shape{s.steps, s.batch, s.units}}, {dtype, Shape{s.batch, s.units}}};
  }

  static Array initial(std::span<const Array> in) { return in.size() > 5 ? in[5] : Array(); }

  static GruInputs layer(std::span<const Array> in) { return {in[0], in[1], in[2], in[3], in[4], initial(in)}; }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const bool keep = recording();
    const GruForward r = gru_forward(sizes(in[0].shape(), in[2].shape()), layer(in), keep);
    if (!keep) return {r.y, r.h_n};
    return {r.y, r.h_n, r.kept.xh, r.kept.gates, r.kept.inner};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const GruSizes s = sizes(in[0].shape(), in[2].shape());
    const auto I = static_cast<size_t>(s.inputs), H = static_cast<size_t>(s.units), N = static_cast<size_t>(s.batch);
    const auto x = in[0].to_vector<double>(), wx = in[1].to_vector<double>(), wh = in[2].to_vector<double>();
    const auto bx = in[3].to_vector<double>(), bh = in[4].to_vector<double>();
    std::vector<double> h = initial(in).defined() ? in[5].to_vector<double>() : std::vector<double>(N * H, 0.0), y;
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    for (size_t t = 0; t < static_cast<size_t>(s.steps); ++t) {
      std::vector<double> next = h;
      for (size_t n = 0; n < N; ++n)
        for (size_t u = 0; u < H; ++u) {
          double a[3], b[3];
          for (size_t gate = 0; gate < 3; ++gate) {
            const size_t row = gate * H + u;
            a[gate] = bx[row], b[gate] = bh[row];
            for (size_t i = 0; i < I; ++i) a[gate] += wx[row * I + i] * x[(t * N + n) * I + i];
            for (size_t i = 0; i < H; ++i) b[gate] += wh[row * H + i] * h[n * H + i];
          }
          const double z = sigmoid(a[1] + b[1]);
          next[n * H + u] = (1 - z) * std::tanh(a[2] + sigmoid(a[0] + b[0]) * b[2]) + z * h[n * H + u];
        }
      h = next;
      y.insert(y.end(), h.begin(), h.end());
    }
    return {Array::from(y, {s.steps, s.batch, s.units}), Array::from(h, {s.batch, s.units})};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const auto& in = call.inputs;
    const GruSizes s = sizes(in[0].shape(), in[2].shape());
    const GruKept kept = call.outputs.size() == 5 ? GruKept{call.outputs[2], call.outputs[3], call.outputs[4]}
                                                  : gru_forward(s, layer(in), true).kept;
    const GruGradients g = gru_backward(s, layer(in), kept, call.output_grads[0], call.output_grads[1]);
    Arrays out = {g.x, g.w_ih, g.w_hh, g.b_ih, g.b_hh};
    if (in.size() > 5) out.push_back(in[5].defined() ? g.h0 : Array());
    return out;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::recurrent;
    form.output = IntegerForm::OutputFormat::q15;
    form.reads_integers = true;
    form.lower = lower_gru;
    form.prepare = prepare_gru;
    form.error_steps = 650;  // of 2^-15: weights of one scale, rounded; the state itself is float32
    return form;
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    const GruSizes all[] = {{3, 2, 5, 4}, {1, 1, 1, 1}, {4, 67, 3, 5}, {2, 3, 17, 19}, {2, 0, 3, 2}};
    for (const GruSizes& s : all)
      for (const bool with_state : {false, true}) {
        const int64_t H = s.units;
        Types types = {float32({s.steps, s.batch, s.inputs}), float32({3 * H, s.inputs}), float32({3 * H, H}),
                       float32({3 * H}), float32({3 * H})};
        if (with_state) types.push_back(float32({s.batch, H}));
        out.push_back({types, {}, -1, 1});
      }
    return out;
  }

  static std::vector<OperatorMisuse> misuses() {
    const auto call = [](int64_t inputs, int64_t rows, int64_t bias, int64_t steps = 2) {
      return Types{float32({steps, 3, 5}), float32({rows, inputs}), float32({12, 4}), float32({bias}), float32({12})};
    };
    Types state = call(5, 12, 12);
    state.push_back(float32({2, 4}));
    return {{call(5, 12, 12, 0), {}, "[gru] steps, was 0, expected at least 1"},
            {call(6, 12, 12), {}, "[gru] w_ih columns, was 6, expected 5"},
            {call(5, 16, 12), {}, "[gru] w_ih rows, was 16, expected 12"},
            {call(5, 12, 4), {}, "[gru] b_ih length, was 4, expected 12"},
            {state, {}, "[gru] h0 rows, was 2, expected 3"}};
  }
};

}  // namespace

const Operator& gru_operator() { return operator_row<Gru>(); }

Arrays gru(const Array& x, const Array& w_ih, const Array& w_hh, const Array& b_ih, const Array& b_hh,
           const Array& h0) {
  Arrays inputs = {x, w_ih, w_hh, b_ih, b_hh};
  if (h0.defined()) inputs.push_back(h0);
  Arrays outputs = invoke(gru_operator(), {}, inputs);
  outputs.resize(2);
  return outputs;
}

}  // namespace quantick
