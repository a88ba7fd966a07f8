// Our own golden cases of operators: lowered from random parameters, computed by the nodes on the scalar set.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "quantick/ops/operator.h"
#include "quantick/runtime/golden_draw.h"
#include "quantick/runtime/golden_operator.h"

namespace quantick::runtime {
namespace {

constexpr TensorFormat kReal{};
/// Formats whose scale is chosen from the results.
constexpr TensorFormat kByte{DType::i8, 0, -9}, kWord{DType::i16, 0, 0};

Precision precision(const std::string& method, const std::string& weight_dtype = "int8", int64_t group_size = 0) {
  Precision p;
  p.method = method;
  p.weight_dtype = weight_dtype;
  p.decay = 0.75;
  if (group_size > 0) p.granularity = "group-wise", p.group_size = group_size;
  return p;
}

float value_of(int64_t code, const TensorFormat& format) {
  if (!format.quantized()) return std::bit_cast<float>(static_cast<uint32_t>(code));
  return static_cast<float>(code - format.zero_point) * format.scale;
}

class OperatorCase {
 public:
  /// steps 0: frames.
  OperatorCase(Draw draw, const std::string& op, int64_t steps, int64_t batch) : draw_(draw) {
    c_.op = op;
    c_.sequence = steps > 0;
    c_.steps = std::max<int64_t>(steps, 1);
    c_.batch = batch;
  }

  OperatorCase& with(const std::string& name, AttributeValue value) {
    c_.attributes.emplace_back(name, std::move(value));
    return *this;
  }
  OperatorCase& in(Precision p) {
    c_.precision = std::move(p);
    return *this;
  }
  /// An input of random codes, from the lowest to the highest.
  OperatorCase& codes(const Shape& channels, const TensorFormat& format) {
    const int64_t top = int64_t{1} << (format.bits() - 1);
    c_.inputs.push_back({format, channels, draw_.integers<int64_t>(c_.rows() * channels.size(), -top, top - 1)});
    return *this;
  }
  OperatorCase& real(const Shape& channels, double low, double high) {
    GoldenTensor t{kReal, channels, {}};
    for (const float v : draw_.floats(c_.rows() * channels.size(), low, high))
      t.codes.push_back(std::bit_cast<uint32_t>(v));
    c_.inputs.push_back(std::move(t));
    return *this;
  }
  /// The same, halved from step to step.
  OperatorCase& fading(const Shape& channels, double low, double high) {
    real(channels, low, high);
    std::vector<int64_t>& codes = c_.inputs.back().codes;
    const int64_t width = c_.batch * channels.size();
    for (int64_t i = 0; i < c_.rows() * channels.size(); ++i)
      codes[i] = std::bit_cast<uint32_t>(std::ldexp(value_of(codes[i], kReal), static_cast<int>(-i / width)));
    return *this;
  }
  /// Two inputs of [count] codes that meet a condition.
  OperatorCase& pairs(int64_t count, const TensorFormat& a, const TensorFormat& b,
                      const std::function<bool(int64_t, int64_t)>& wanted) {
    GoldenTensor first{a, Shape{count}, {}}, second{b, Shape{count}, {}};
    const int64_t top_a = int64_t{1} << (a.bits() - 1), top_b = int64_t{1} << (b.bits() - 1);
    while (static_cast<int64_t>(first.codes.size()) < c_.rows() * count) {
      const int64_t u = draw_.between(-top_a, top_a - 1), v = draw_.between(-top_b, top_b - 1);
      if (!wanted(u, v)) continue;
      first.codes.push_back(u), second.codes.push_back(v);
    }
    c_.inputs = {first, second};
    return *this;
  }
  /// An input of [count] numbers that meet a condition.
  OperatorCase& numbers(int64_t count, double low, double high, const std::function<bool(float)>& wanted) {
    GoldenTensor t{kReal, Shape{count}, {}};
    while (static_cast<int64_t>(t.codes.size()) < c_.rows() * count) {
      const auto v = static_cast<float>(draw_.uniform(low, high));
      if (wanted(v)) t.codes.push_back(std::bit_cast<uint32_t>(v));
    }
    c_.inputs = {t};
    return *this;
  }
  OperatorCase& ids(const Shape& channels, int64_t count) {
    c_.inputs.push_back(
        {{DType::i8, 1.0f, 0}, channels, draw_.integers<int64_t>(c_.rows() * channels.size(), 0, count - 1)});
    return *this;
  }
  OperatorCase& parameter(const Shape& shape, double low = -1, double high = 1) {
    parameters_.push_back(Array::from(draw_.floats(shape.size(), low, high), shape));
    return *this;
  }

  GoldenCase finish(const TensorFormat& output) {
    const Operator& op = find_operator(c_.op);
    c_.output.channels = output_channels(op);
    if (output.quantized() && output.scale == 0) {
      // Nine tenths of the range of the results, so that some saturate.
      compute(op, kReal);
      double top = 0;
      for (const int64_t code : c_.output.codes) top = std::max(top, double{std::fabs(value_of(code, kReal))});
      TensorFormat chosen = output;
      chosen.scale = static_cast<float>(0.9 * top / std::ldexp(1.0, output.bits() - 1));
      compute(op, chosen);
    } else {
      compute(op, output);
    }
    return {"operator", c_, ""};
  }

 private:
  Shape output_channels(const Operator& op) const {
    Types types;
    for (const GoldenTensor& t : c_.inputs) {
      Shape shape = t.channels;
      shape.insert(0, c_.batch);
      if (c_.sequence) shape.insert(0, c_.steps);
      types.push_back({DType::f32, shape});
    }
    for (const Array& p : parameters_) types.push_back(p.type());
    const Shape y = op.infer(c_.attributes, types)[0].shape;
    return Shape(std::span<const int64_t>(y.begin() + (c_.sequence ? 2 : 1), y.end()));
  }

  void compute(const Operator& op, const TensorFormat& output) {
    LowerCall call{.attributes = &c_.attributes, .layer = "golden", .output = output, .precision = c_.precision};
    call.lead_axes = c_.sequence ? 2 : 1;
    for (const GoldenTensor& t : c_.inputs) {
      call.inputs.push_back(t.format);
      call.input_types.push_back({t.format.dtype, t.channels});
    }
    if (op.integer.data_inputs == kAllInputs) call.parameters.resize(c_.inputs.size());
    call.parameters.insert(call.parameters.end(), parameters_.begin(), parameters_.end());
    c_.constants = op.integer.lower ? op.integer.lower(call) : std::vector<NamedArray>();
    c_.output.format = output;
    c_.output.codes = run_golden(c_, GoldenForm::window, Isa::scalar);
  }

  Draw draw_;
  GoldenOperator c_;
  Arrays parameters_;
};

/// Cases one after the other, each with its own random values.
class Cases {
 public:
  Cases(const Key& key, std::vector<GoldenCase>& out) : key_(key), out_(out) {}

  OperatorCase frames(const std::string& op, int64_t batch) { return {Draw(key_.fold(out_.size())), op, 0, batch}; }
  OperatorCase steps(const std::string& op, int64_t steps, int64_t batch) {
    return {Draw(key_.fold(out_.size())), op, steps, batch};
  }
  void add(OperatorCase& c, const TensorFormat& output) { out_.push_back(c.finish(output)); }

 private:
  Key key_;
  std::vector<GoldenCase>& out_;
};

using List = std::vector<int64_t>;
/// Formats whose products lie on halves of the output's steps: ties, which a detour over float32 values misses.
constexpr TensorFormat kWide{DType::i16, 0.29f, 0}, kTenth{DType::i8, 0.1f, 7}, kThird{DType::i8, 0.3f, -5};
TensorFormat half_steps(const TensorFormat& a, const TensorFormat& b) {
  return {DType::i16, 2 * (a.scale * b.scale), 0};
}

constexpr TensorFormat kX8{DType::i8, 0.031f, 11}, kZ8{DType::i8, 0.017f, -37}, kX16{DType::i16, 0x1.9p-12f, 0};

void products(Cases& cases) {
  cases.add(
      cases.frames("dense", 3).codes({35}, kX8).parameter({9, 35}).parameter({9}).in(precision("static", "int8", 8)),
      kByte);
  cases.add(
      cases.frames("dense", 3).codes({21}, kX16).parameter({6, 21}).parameter({6}).in(precision("static", "int4", 5)),
      kWord);
  cases.add(
      cases.frames("dense", 3).codes({19}, kX8).parameter({7, 19}).parameter({7}).in(precision("static", "int12")),
      kReal);
  cases.add(cases.frames("dense", 4).real({37}, -3, 3).parameter({9, 37}).parameter({9}).in(precision("dynamic")),
            kReal);
  cases.add(cases.steps("dense", 6, 2)
                .with("flatten", false)
                .fading({18}, -3, 3)
                .parameter({5, 18})
                .parameter({5})
                .in(precision("dynamic_decay", "int4", 7)),
            kReal);
  cases.add(cases.steps("dense", 7, 2)
                .with("flatten", false)
                .fading({2, 11}, -3, 3)
                .parameter({4, 11})
                .parameter({4})
                .in(precision("dynamic_decay")),
            kReal);
  cases.add(cases.frames("matmul", 2).codes({3, 19}, kX8).codes({19, 5}, kZ8), kByte);
  cases.add(cases.frames("matmul", 2).codes({3, 9}, kTenth).codes({9, 4}, kThird), half_steps(kTenth, kThird));
  cases.add(cases.frames("matmul", 2).codes({2, 7}, kX8).real({7, 3}, -1, 1), kWord);
}

void embeddings(Cases& cases) {
  cases.add(cases.frames("embedding", 3).ids({5}, 9).parameter({9, 6}, -2, 2), kByte);
  cases.add(cases.steps("embedding", 4, 2).ids({1}, 6).parameter({6, 10}).in(precision("dynamic", "int4", 4)), kReal);
}

void convolutions(Cases& cases) {
  const auto causal = [&](int64_t dilation, int64_t groups) {
    return cases.steps("causal_convolution", 11, 2).with("dilation", dilation).with("groups", groups);
  };
  cases.add(causal(1, 1).codes({3}, kX8).parameter({4, 3, 2}).parameter({4}), kByte);
  cases.add(causal(3, 2).codes({6}, kZ8).parameter({4, 3, 3}).parameter({4}), kWord);
  cases.add(causal(2, 1).codes({5}, kX16).parameter({3, 5, 4}).parameter({3}).in(precision("static", "int6", 8)),
            kReal);
  cases.add(causal(2, 1).real({5}, -3, 3).parameter({3, 5, 3}).parameter({3}).in(precision("dynamic")), kReal);
  cases.add(causal(1, 2).fading({4}, -3, 3).parameter({6, 2, 3}).parameter({6}).in(precision("dynamic_decay")), kReal);

  cases.add(cases.frames("convolution", 2)
                .with("pads", List{1, 1, 1, 1})
                .codes({3, 5, 6}, kX8)
                .parameter({5, 3, 3, 3})
                .parameter({5}),
            kByte);
  cases.add(cases.frames("convolution", 2)
                .with("strides", List{2, 1})
                .with("pads", List{1, 0, 0, 2})
                .with("dilations", List{1, 2})
                .with("groups", int64_t{2})
                .codes({4, 6, 5}, kZ8)
                .parameter({6, 2, 3, 2})
                .parameter({6}),
            kWord);
  cases.add(cases.frames("convolution", 2)
                .with("pads", List{2, 1})
                .with("dilations", List{2})
                .codes({4, 9}, kX8)
                .parameter({3, 4, 3})
                .parameter({3})
                .in(precision("static", "int8", 5)),
            kReal);
  cases.add(cases.frames("convolution", 2)
                .with("pads", List{1, 0, 1, 0})
                .real({2, 5, 4}, -3, 3)
                .parameter({3, 2, 3, 3})
                .parameter({3})
                .in(precision("dynamic")),
            kReal);
}

void planes_and_channels(Cases& cases) {
  for (const bool count : {true, false})
    cases.add(cases.frames("avg_pool", 2)
                  .with("kernel", List{3, 2})
                  .with("strides", List{2, 1})
                  .with("pads", List{1, 0, 1, 1})
                  .with("count_include_pad", count)
                  .codes({2, 5, 7}, kX8),
              kByte);
  cases.add(cases.frames("avg_pool", 2).with("kernel", List{3, 3}).real({2, 5, 4}, -2, 2), kReal);
  cases.add(cases.frames("avg_pool", 2).with("kernel", List{2, 3}).codes({2, 4, 5}, kZ8), kReal);
  cases.add(cases.frames("max_pool", 2).with("kernel", List{2}).with("pads", List{1, 0}).codes({3, 7}, kX8), kX8);
  cases.add(cases.frames("batch_norm", 2)
                .codes({5, 3}, kX8)
                .parameter({5})
                .parameter({5})
                .parameter({5})
                .parameter({5}, 0.1, 2),
            kByte);
  cases.add(cases.frames("batch_norm", 2)
                .real({5, 3}, -2, 2)
                .parameter({5})
                .parameter({5})
                .parameter({5})
                .parameter({5}, 0.1, 2),
            kReal);
  cases.add(cases.frames("mean", 3).with("axes", List{1}).codes({37, 3}, kX8), kWord);
  cases.add(cases.frames("mean", 3).with("axes", List{1}).real({37, 3}, -2, 2), kReal);
  cases.add(cases.frames("sum", 3).with("axes", List{2}).real({2, 41}, -2, 2), kReal);
}

void rows(Cases& cases) {
  cases.add(cases.frames("softmax", 3).codes({37}, kX8), {DType::i8, 0x1p-8f, -128});
  cases.add(cases.steps("softmax", 2, 2).with("axis", int64_t{2}).real({19, 2}, -6, 6), kWord);
  cases.add(cases.frames("softmax", 3).real({53}, -4, 4), kReal);
  cases.add(cases.frames("softmax", 16).real({20}, -1, 1), kReal);
  cases.add(cases.frames("log_softmax", 3).real({37}, -6, 6), kReal);
  cases.add(cases.frames("log_softmax", 20).real({3}, -1, 1), kReal);
  for (const bool layer : {true, false}) {
    const char* op = layer ? "layer_norm" : "rms_norm";
    const auto add = [&](OperatorCase c, int64_t width, const TensorFormat& output) {
      c.parameter({width}, 0.5, 2);
      if (layer) c.parameter({width});
      cases.add(c, output);
    };
    add(cases.frames(op, 3).codes({37}, kX8), 37, kByte);
    add(cases.steps(op, 2, 2).codes({2, 17}, kX16), 17, kWord);
    add(cases.frames(op, 5).real({45}, 3, 5), 45, kReal);
    add(cases.frames(op, 24).real({33}, -3, 3), 33, kReal);
    add(cases.frames(op, 2).with("epsilon", 0.25).real({5}, -1e-2, 1e-2), 5, kReal);
  }
}

void functions(Cases& cases) {
  for (const char* form : {"none", "tanh"}) {
    cases.add(cases.frames("gelu", 2).with("approximate", std::string(form)).codes({39}, {DType::i8, 0.05f, 3}), kByte);
    cases.add(cases.frames("gelu", 2).with("approximate", std::string(form)).real({39}, -7, 7), kReal);
  }
  cases.add(cases.frames("silu", 2).real({39}, -18, 8), kReal);
  cases.add(cases.frames("sigmoid", 2).codes({39}, {DType::i16, 0x1p-11f, 0}), kWord);
  cases.add(cases.frames("sigmoid", 2).real({39}, -17, 17), kReal);
  cases.add(cases.frames("tanh", 2).real({39}, -9, 9), kReal);
  cases.add(cases.frames("exp", 3).real({39}, -89, 89), kReal);
  cases.add(cases.frames("relu", 2).codes({19}, kX8), kX8);
  cases.add(cases.frames("relu", 2).real({19}, -2, 2), kByte);
}

void pairs(Cases& cases) {
  for (const char* op : {"add", "subtract", "multiply"}) {
    cases.add(cases.frames(op, 2).codes({41}, kX8).codes({41}, kZ8), kByte);
    cases.add(cases.frames(op, 2).codes({23}, kX16).codes({23}, kX8), kWord);
    cases.add(cases.frames(op, 2).codes({3, 7}, kX8).real({1, 7}, -2, 2), kByte);
    cases.add(cases.frames(op, 2).codes({19}, kX16).parameter({19}), kReal);
  }
  const TensorFormat tenths{DType::i8, 0.2f, 3}, wide{DType::i16, 0.3718281f, 0};
  cases.add(cases.frames("add", 2).codes({23}, kTenth).codes({23}, {DType::i8, 0.1f, -3}), tenths);
  cases.add(cases.frames("subtract", 2).codes({23}, kTenth).codes({23}, {DType::i8, 0.1f, -3}), tenths);
  cases.add(cases.frames("multiply", 2).codes({23}, kTenth).codes({23}, kThird), half_steps(kTenth, kThird));
  // Where a fused multiply-add parts from two products and a sum.
  const float of_a = kWide.scale / wide.scale, of_b = kTenth.scale / wide.scale;
  cases.add(cases.frames("add", 1).pairs(16, kWide, kTenth,
                                         [=](int64_t a, int64_t b) {
                                           const auto u = static_cast<float>(a);
                                           const float v = static_cast<float>(b - kTenth.zero_point) * of_b;
                                           const float product = u * of_a;
                                           return std::rint(product + v) != std::rint(std::fma(u, of_a, v));
                                         }),
            wide);
  // Where a multiplication by the reciprocal parts from the division.
  cases.add(cases.frames("identity", 1)
                .numbers(16, -9000, 9000,
                         [=](float v) {
                           const float reciprocal = 1.0f / wide.scale;
                           return std::rint(v / wide.scale) != std::rint(v * reciprocal);
                         }),
            wide);
  cases.add(cases.frames("identity", 2).codes({19}, kX16), kByte);
  cases.add(cases.frames("divide", 2).codes({23}, kX8).real({23}, 1, 3), kByte);
  cases.add(cases.frames("maximum", 2).codes({23}, kX8).codes({23}, kZ8), kWord);
}

void attentions(Cases& cases) {
  const TensorFormat v16{DType::i16, 0x1p-13f, 0}, narrow{DType::i8, 0.02f, 5};
  const auto causal = [&] {
    return cases.steps("causal_attention", 8, 2)
        .with("context", int64_t{3})
        .with("heads", int64_t{4})
        .with("kv_heads", int64_t{2})
        .with("recency", 0.5);
  };
  cases.add(causal().codes({12}, narrow).codes({6}, kZ8).codes({10}, kX8), kByte);
  cases.add(causal().codes({12}, {DType::i16, 0x1p-14f, 0}).codes({6}, v16).codes({10}, v16), kWord);
  cases.add(causal().codes({12}, {DType::i16, 0x1p-14f, 0}).codes({6}, v16).codes({10}, v16), kReal);
  // One key: its value comes back, halved into ties.
  cases.add(cases.steps("causal_attention", 12, 2)
                .with("context", int64_t{1})
                .codes({3}, narrow)
                .codes({3}, kZ8)
                .codes({11}, kTenth),
            {DType::i8, 0.2f, 3});
  cases.add(causal().real({36}, -1, 1).real({18}, -1, 1).real({10}, -1, 1), kReal);
  cases.add(causal().codes({12}, narrow).codes({6}, kZ8).real({10}, -1, 1), kByte);
  const auto tokens = [&](bool causal_order) {
    return cases.frames("attention", 2).with("heads", int64_t{2}).with("causal", causal_order);
  };
  cases.add(tokens(false).codes({4, 6}, narrow).codes({7, 6}, kZ8).codes({7, 10}, kX8).codes({7}, {DType::i8, 1, 0}),
            kByte);
  cases.add(tokens(true).codes({5, 6}, narrow).codes({5, 6}, kZ8).codes({5, 6}, v16), kReal);
  cases.add(tokens(false).real({4, 6}, -2, 2).real({7, 6}, -2, 2).real({7, 10}, -2, 2).real({7}, -1, 1), kReal);
  cases.add(cases.steps("sequence_attention", 5, 2)
                .with("heads", int64_t{2})
                .with("scale", 0.3)
                .codes({6}, narrow)
                .codes({6}, kZ8)
                .codes({8}, kX8),
            kByte);
  cases.add(cases.steps("sequence_attention", 5, 2)
                .with("heads", int64_t{2})
                .with("scale", 0.3)
                .codes({6}, narrow)
                .codes({6}, kZ8)
                .codes({8}, kX8),
            kReal);
}

void recurrent(Cases& cases) {
  const auto layer = [&](const char* op, int64_t gates, int64_t inputs, int64_t units, int64_t hidden,
                         const TensorFormat* x, Precision p) {
    OperatorCase c = cases.steps(op, 9, 2);
    c.in(std::move(p));
    if (x == nullptr)
      c.real({inputs}, -3, 3);
    else
      c.codes({inputs}, *x);
    const double top = 1.5 / std::sqrt(static_cast<double>(hidden));
    c.parameter({gates * units, inputs}, -top, top).parameter({gates * units, hidden}, -top, top);
    c.parameter({gates * units}).parameter({gates * units});
    if (hidden != units) c.parameter({hidden, units}, -0.6, 0.6);
    return c;
  };
  const auto add = [&](OperatorCase c, const TensorFormat& output) { cases.add(c, output); };
  for (const auto& [op, gates] : {std::pair<const char*, int64_t>{"lstm", 4}, {"gru", 3}}) {
    add(layer(op, gates, 7, 5, 5, nullptr, precision("dynamic")), kQ15);
    add(layer(op, gates, 5, 6, 6, nullptr, precision("dynamic_decay", "int4", 4)), kQ15);
    add(layer(op, gates, 9, 5, 5, &kX8, precision("static", "int8", 4)), kQ15);
  }
  add(layer("lstm_projection", 4, 6, 9, 4, &kX8, precision("static")), kReal);
  Precision narrow = precision("dynamic");
  narrow.hidden_bits = 8;
  narrow.gate_bits = {12, 10, 16, 9};
  narrow.state_bits = 14;
  narrow.state_top = 4;
  add(layer("lstm_projection", 4, 6, 7, 5, nullptr, narrow), kByte);
}

}  // namespace

void append_operator_cases(const Key& key, std::vector<GoldenCase>& out) {
  Cases cases(key, out);
  products(cases);
  embeddings(cases);
  convolutions(cases);
  planes_and_channels(cases);
  rows(cases);
  functions(cases);
  pairs(cases);
  attentions(cases);
  recurrent(cases);
}

}  // namespace quantick::runtime
