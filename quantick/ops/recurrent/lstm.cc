#include <algorithm>
#include <cmath>

#include "quantick/ops/define.h"
#include "quantick/ops/recurrent/lstm_layer.h"
#include "quantick/ops/recurrent/lstm_node.h"

namespace quantick {
namespace {

/// lstm and, with a projection of the hidden state, lstm_projection.
template <bool kProjected>
struct Lstm {
  static constexpr std::string_view name = kProjected ? "lstm_projection" : "lstm", family = "recurrent";
  static constexpr std::string_view onnx = kProjected ? "" : "LSTM";
  static constexpr std::string_view summary =
      kProjected
          ? "lstm whose hidden state is w_hr times o * tanh(c): y [steps, batch, projection], h_n, c_n."
          : "One layer over [steps, batch, inputs], gates i, f, g, o; gives y [steps, batch, units], h_n and c_n.";
  static constexpr int optional_inputs = 2, visible_outputs = 3;
  static constexpr double tolerance = 1e-5;
  static constexpr size_t kState = kProjected ? 6 : 5;  ///< place of h0; c0 follows
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() {
    if (kProjected) return {"x", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr", "h0", "c0"};
    return {"x", "w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0"};
  }

  /// shape(i): of input i.
  template <class ShapeOf>
  static LstmSizes sizes(ShapeOf&& shape) {
    const Shape& x = shape(0);
    if (kProjected) return {x[0], x[1], x[2], shape(5)[1], shape(5)[0]};
    return {x[0], x[1], x[2], shape(2)[1]};
  }
  static LstmSizes sizes(std::span<const Array> in) {
    return sizes([&](size_t i) -> const Shape& { return in[i].shape(); });
  }

  static Types infer(const Attrs&, const Types& in) {
    check_float(name, "x", in[0]);
    check_ndim(name, "x", in[0], 3);
    check_ndim(name, "w_ih", in[1], 2);
    check_ndim(name, "w_hh", in[2], 2);
    if (kProjected) check_ndim(name, "w_hr", in[5], 2);
    const LstmSizes s = sizes([&](size_t i) -> const Shape& { return in[i].shape; });
    QTK_CHECK(s.steps > 0, ShapeError, "[{}] steps, was 0, expected at least 1", name);
    QTK_CHECK(!kProjected || s.projection > 0, ShapeError, "[{}] w_hr rows, was 0, expected at least 1", name);
    check_extent(name, "w_hh rows", in[2].shape[0], 4 * s.units);
    check_extent(name, "w_hh columns", in[2].shape[1], s.hidden());
    check_extent(name, "w_ih rows", in[1].shape[0], 4 * s.units);
    check_extent(name, "w_ih columns", in[1].shape[1], s.inputs);
    for (size_t i = 1; i < in.size(); ++i) {
      if (is_absent(in[i])) continue;
      const std::string what = inputs()[i];
      check_same_dtype(name, what, in[i], in[0].dtype);
      if (i == 3 || i == 4) {
        check_ndim(name, what, in[i], 1);
        check_extent(name, what + " length", in[i].shape[0], 4 * s.units);
      } else if (i >= kState) {
        check_ndim(name, what, in[i], 2);
        check_extent(name, what + " rows", in[i].shape[0], s.batch);
        check_extent(name, what + " columns", in[i].shape[1], i == kState ? s.hidden() : s.units);
      }
    }
    const DType dtype = in[0].dtype;
    return {{dtype, Shape{s.steps, s.batch, s.hidden()}},
            {dtype, Shape{s.batch, s.hidden()}},
            {dtype, Shape{s.batch, s.units}}};
  }

  static Array optional(std::span<const Array> in, size_t index) { return in.size() > index ? in[index] : Array(); }

  static LstmInputs layer_inputs(std::span<const Array> in) {
    return {in[0],
            in[1],
            in[2],
            in[3],
            in[4],
            kProjected ? in[5] : Array(),
            optional(in, kState),
            optional(in, kState + 1)};
  }

  static LstmForward run(std::span<const Array> in, bool keep) {
    return lstm_forward(sizes(in), layer_inputs(in), keep);
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const bool keep = recording();
    const LstmForward r = run(in, keep);
    if (!keep) return {r.y, r.h_n, r.c_n};
    Arrays out = {r.y, r.h_n, r.c_n, r.kept.xh, r.kept.gates, r.kept.c};
    if (kProjected) out.push_back(r.kept.raw);
    return out;
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const LstmSizes s = sizes(in);
    const auto I = static_cast<size_t>(s.inputs), H = static_cast<size_t>(s.units), N = static_cast<size_t>(s.batch);
    const auto P = static_cast<size_t>(s.hidden());
    const auto x = in[0].to_vector<double>(), wx = in[1].to_vector<double>(), wh = in[2].to_vector<double>();
    const auto bx = in[3].to_vector<double>(), bh = in[4].to_vector<double>();
    const auto wr = kProjected ? in[5].to_vector<double>() : std::vector<double>();
    const auto initial = [&](size_t at, size_t width) {
      return optional(in, at).defined() ? in[at].to_vector<double>() : std::vector<double>(N * width, 0.0);
    };
    std::vector<double> h = initial(kState, P), c = initial(kState + 1, H), y;
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    for (size_t t = 0; t < static_cast<size_t>(s.steps); ++t) {
      std::vector<double> next(N * H);
      for (size_t n = 0; n < N; ++n)
        for (size_t u = 0; u < H; ++u) {
          double p[4];
          for (size_t gate = 0; gate < 4; ++gate) {
            const size_t row = gate * H + u;
            p[gate] = bx[row] + bh[row];
            for (size_t i = 0; i < I; ++i) p[gate] += wx[row * I + i] * x[(t * N + n) * I + i];
            for (size_t i = 0; i < P; ++i) p[gate] += wh[row * P + i] * h[n * P + i];
          }
          double& cell = c[n * H + u];
          cell = sigmoid(p[1]) * cell + sigmoid(p[0]) * std::tanh(p[2]);
          next[n * H + u] = sigmoid(p[3]) * std::tanh(cell);
        }
      if (kProjected) {
        for (size_t n = 0; n < N; ++n)
          for (size_t r = 0; r < P; ++r) {
            h[n * P + r] = 0;
            for (size_t u = 0; u < H; ++u) h[n * P + r] += wr[r * H + u] * next[n * H + u];
          }
      } else {
        h = next;
      }
      y.insert(y.end(), h.begin(), h.end());
    }
    return {Array::from(y, {s.steps, s.batch, s.hidden()}), Array::from(h, {s.batch, s.hidden()}),
            Array::from(c, {s.batch, s.units})};
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const auto& in = call.inputs;
    const auto& out = call.outputs;
    const LstmKept kept =
        out.size() > 3 ? LstmKept{out[3], out[4], out[5], kProjected ? out[6] : Array()} : run(in, true).kept;
    const LstmGradients g = lstm_backward(sizes(in), layer_inputs(in), kept, call.output_grads[0], call.output_grads[1],
                                          call.output_grads[2]);
    Arrays grads = {g.x, g.w_ih, g.w_hh, g.bias, g.bias};
    if (kProjected) grads.push_back(g.w_hr);
    if (in.size() > kState) grads.push_back(in[kState].defined() ? g.h0 : Array());
    if (in.size() > kState + 1) grads.push_back(in[kState + 1].defined() ? g.c0 : Array());
    return grads;
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::recurrent;
    form.output = kProjected ? IntegerForm::OutputFormat::calibrated : IntegerForm::OutputFormat::q15;
    form.reads_integers = true;
    form.lower = kProjected ? lower_lstm_projection : lower_lstm;
    form.prepare = kProjected ? prepare_lstm_projection : prepare_lstm;
    form.state_range = state_range;
    // Rounded weights, in steps of 2^-15 or of the output; the state itself is float32.
    form.error_steps = kProjected ? 6 : 300;
    return form;
  }

  /// Largest |cell| over all steps.
  static double state_range(const Attributes&, std::span<const Array> in) {
    double largest = 0;
    for (const double c : run(in, true).kept.c.template to_vector<double>()) largest = std::max(largest, std::abs(c));
    return largest;
  }

  static std::vector<OperatorSample> samples() {
    std::vector<OperatorSample> out;
    const LstmSizes all[] = {{3, 2, 5, 4, 3}, {1, 1, 1, 1, 1}, {4, 67, 3, 5, 7}, {2, 3, 17, 19, 5}, {2, 0, 3, 2, 1}};
    for (const LstmSizes& s : all)
      for (const bool states : {false, true}) {
        const int64_t H = s.units, P = kProjected ? s.projection : H;
        Types types = {float32({s.steps, s.batch, s.inputs}), float32({4 * H, s.inputs}), float32({4 * H, P}),
                       float32({4 * H}), float32({4 * H})};
        if (kProjected) types.push_back(float32({P, H}));
        if (states) types.insert(types.end(), {float32({s.batch, P}), float32({s.batch, H})});
        out.push_back({types, {}, -1, 1});
      }
    return out;
  }

  static std::vector<OperatorMisuse> misuses() {
    const auto call = [](int64_t inputs, int64_t rows, int64_t bias, int64_t steps = 2) {
      Types types = {float32({steps, 3, 5}), float32({rows, inputs}), float32({16, 4}), float32({bias}), float32({16})};
      if (kProjected) types.push_back(float32({4, 4}));
      return types;
    };
    const std::string who = "[" + std::string(name) + "] ";
    std::vector<OperatorMisuse> out = {{call(5, 16, 16, 0), {}, who + "steps, was 0, expected at least 1"},
                                       {call(6, 16, 16), {}, who + "w_ih columns, was 6, expected 5"},
                                       {call(5, 12, 16), {}, who + "w_ih rows, was 12, expected 16"},
                                       {call(5, 16, 4), {}, who + "b_ih length, was 4, expected 16"}};
    if (kProjected) {
      Types narrow = call(5, 16, 16);
      narrow[5] = float32({3, 4});
      out.push_back({narrow, {}, who + "w_hh columns, was 4, expected 3"});
    }
    return out;
  }
};

/// States that are left out on both sides are no inputs.
Arrays call_lstm(const Operator& op, Arrays inputs, const Array& h0, const Array& c0) {
  if (h0.defined() || c0.defined()) inputs.insert(inputs.end(), {h0, c0});
  Arrays outputs = invoke(op, {}, inputs);
  outputs.resize(3);
  return outputs;
}

}  // namespace

const Operator& lstm_operator() { return operator_row<Lstm<false>>(); }
const Operator& lstm_projection_operator() { return operator_row<Lstm<true>>(); }

Arrays lstm(const Array& x, const Array& w_ih, const Array& w_hh, const Array& b_ih, const Array& b_hh, const Array& h0,
            const Array& c0) {
  return call_lstm(lstm_operator(), {x, w_ih, w_hh, b_ih, b_hh}, h0, c0);
}

Arrays lstm_projection(const Array& x, const Array& w_ih, const Array& w_hh, const Array& b_ih, const Array& b_hh,
                       const Array& w_hr, const Array& h0, const Array& c0) {
  return call_lstm(lstm_projection_operator(), {x, w_ih, w_hh, b_ih, b_hh, w_hr}, h0, c0);
}

}  // namespace quantick
