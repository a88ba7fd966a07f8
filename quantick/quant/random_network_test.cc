// Random networks, each quantized in a random way: whatever the graph and the settings, the program's outputs are
// finite and near the float network's, and its bits depend on nothing but the input.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/causality.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

namespace quantick::quant {
namespace {

constexpr int64_t kSteps = 24, kRows = 12;

enum class Family { sequence, frame, image };

class Draw {
 public:
  explicit Draw(const Key& key) : key_(key) {}
  int64_t below(int64_t bound) { return static_cast<int64_t>(key_.below(next_++, static_cast<uint64_t>(bound))); }
  bool chance(int64_t one_in) { return below(one_in) == 0; }
  template <class T>
  T of(std::initializer_list<T> list) {
    return *(list.begin() + below(static_cast<int64_t>(list.size())));
  }
  std::string text(std::initializer_list<const char*> list) { return of(list); }

 private:
  Key key_;
  uint64_t next_ = 0;
};

/// A list of steps, each of which makes a value of those before it; the first value is the input. All values are
/// [steps, batch, channels], [batch, channels] or [batch, channels, height, width].
class RandomNet final : public nn::Block {
 public:
  RandomNet(Family family, int64_t channels, Draw draw) : family_(family), draw_(draw) {
    widths_.push_back(channels);
    if (family == Family::sequence && draw_.chance(5)) add_identifiers();
    const int64_t count = 3 + draw_.below(8);
    for (int64_t i = 0; i < count; ++i) {
      if (family == Family::image)
        add_image_step();
      else
        add_step();
    }
    add_end();
  }
  std::string kind() const override { return "random"; }
  std::string text;         ///< the steps, for people
  bool wide_range = false;  ///< products, quotients and powers of computed values

  Arrays forward(const Arrays& inputs) override {
    Arrays values{inputs[0]};
    for (const auto& step : steps_) values.push_back(step(values));
    return {values.back()};
  }

 private:
  using Step = std::function<Array(const Arrays&)>;

  int lead() const { return family_ == Family::sequence ? 2 : 1; }
  int64_t rows() const { return static_cast<int64_t>(widths_.size()); }
  /// Mostly the newest value.
  size_t pick() { return static_cast<size_t>(draw_.chance(3) ? draw_.below(rows()) : rows() - 1); }
  /// Another value of that width, or the value itself.
  size_t like(size_t at) {
    const auto other = static_cast<size_t>(draw_.below(rows()));
    return widths_[other] == widths_[at] ? other : at;
  }
  void push(const std::string& what, int64_t width, Step step) {
    text += fmt::format("  v{}[{}] = {}\n", rows(), width, what);
    widths_.push_back(width);
    steps_.push_back(std::move(step));
  }
  template <class B>
  B& block(B b) {
    return add_child(fmt::format("b{}", children().size()), std::move(b));
  }
  template <class B>
  void layer(const std::string& what, size_t from, int64_t width, B b) {
    B& child = block(std::move(b));
    push(fmt::format("{}(v{}) as {}", what, from, child.name()), width,
         [&child, from](const Arrays& v) { return child(v[from]); });
    if (widths_[from] == width && what != "sequence_last" && draw_.chance(8))  // the same parameters once more
      push(fmt::format("{} again", child.name()), width,
           [&child, at = rows() - 1](const Arrays& v) { return child(v[static_cast<size_t>(at)]); });
  }

  /// The input's first channel holds whole numbers from 0 to 5.
  void add_identifiers() {
    nn::Embedding& table = block(nn::Embedding(6, 3));
    push("embedding of column 0", 3, [&table](const Arrays& v) {
      const Array ids = slice(v[0], 2, 0, 1);
      const Array rows = table(ids);
      return reshape(rows, {v[0].shape()[0], v[0].shape()[1], 3});
    });
    push("concat(v0, v1)", widths_[0] + 3, [](const Arrays& v) { return concat({v[0], v[1]}, 2); });
  }

  void add_step() {
    const size_t from = pick();
    const int64_t width = widths_[from], wanted = 1 + draw_.below(12);
    const bool over_time = family_ == Family::sequence;
    switch (draw_.below(over_time ? 16 : 11)) {
      case 0:
      case 1:
        return layer("dense", from, wanted,
                     nn::Dense(wanted, {.activation = draw_.text({"", "relu", "tanh", "sigmoid", "gelu", "silu"}),
                                        .use_bias = !draw_.chance(4),
                                        .flatten = false}));
      case 2:
        return layer("layer_norm", from, width, nn::LayerNorm());
      case 3:
        return layer("rms_norm", from, width, nn::RMSNorm());
      case 4:
        return layer("batch_norm", from, width, nn::BatchNorm({.axis = lead()}));
      case 5:
      case 6:
        return add_pointwise(from);
      case 7:
      case 8:
        return add_pair(from);
      case 9:
        return add_shape(from);
      case 10:
        return layer("dropout", from, width, nn::Dropout(0.3));
      case 11:
      case 12: {
        nn::LSTMOptions o{.num_layers = 1 + draw_.below(2), .bidirectional = draw_.chance(6)};
        if (draw_.chance(3)) o.projection_size = 1 + draw_.below(6);
        const int64_t out = (o.projection_size > 0 ? o.projection_size : wanted) * (o.bidirectional ? 2 : 1);
        return layer("lstm", from, out, nn::LSTM(wanted, o));
      }
      case 13: {
        const nn::GRUOptions o{.num_layers = 1 + draw_.below(2), .bidirectional = draw_.chance(6)};
        return layer("gru", from, wanted * (o.bidirectional ? 2 : 1), nn::GRU(wanted, o));
      }
      case 14: {
        const int64_t groups = width % 2 == 0 && draw_.chance(2) ? 2 : 1, out = wanted * groups;
        nn::ConvOptions o{.dilation = {1 + draw_.below(3)}, .groups = groups, .layout = "TNC", .causal = true};
        o.activation = draw_.text({"", "relu"});
        return layer("conv1d", from, out, nn::Conv1D(out, 1 + draw_.below(4), o));
      }
      default: {
        nn::MultiHeadAttentionOptions o{.causal = !draw_.chance(5), .context = 1 + draw_.below(9)};
        o.recency = draw_.chance(2) ? 1 : 0;
        if (!o.causal) o.context = 0, o.recency = 0;
        return layer("attention", from, width, nn::MultiHeadAttention(width, width % 2 == 0 ? 2 : 1, o));
      }
    }
  }

  void add_pointwise(size_t from) {
    const std::string name =
        draw_.text({"relu", "sigmoid", "tanh",    "gelu",     "silu",       "softrelu",    "softsign",
                    "half", "inverse", "log",     "power",    "sqrt",       "square",      "clip",
                    "abs",  "exp",     "softmax", "negative", "reciprocal", "log_softmax", "max_of"});
    if (name == "power" || name == "square" || name == "reciprocal") wide_range = true;
    push(fmt::format("{}(v{})", name, from), widths_[from], [name, from](const Arrays& v) {
      const Array& x = v[from];
      if (name == "half") return add(multiply(x, 0.5f), 1.0f);
      if (name == "inverse") return subtract(1.0f, x);
      if (name == "log") return log(add(abs(x), 1.0f));
      if (name == "power") return power(add(abs(x), 0.5f), 1.5f);
      if (name == "sqrt") return sqrt(add(abs(x), 0.1f));
      if (name == "square") return square(x);
      if (name == "clip") return clip(x, -1, 0.7);
      if (name == "abs") return abs(x);
      if (name == "exp") return exp(negative(abs(x)));
      if (name == "softmax") return softmax(x);
      if (name == "log_softmax") return log_softmax(x);
      if (name == "negative") return negative(x);
      if (name == "reciprocal") return divide(1.0f, add(abs(x), 1.0f));
      if (name == "max_of") return subtract(x, max(x, {x.ndim() - 1}, true));
      return nn::activate(x, name);
    });
  }

  void add_pair(size_t from) {
    const size_t other = like(from);
    const int64_t width = widths_[from];
    const std::string name = draw_.text({"add", "add", "multiply", "subtract", "maximum", "concat", "mean", "divide"});
    const int axis = lead();
    if (name == "multiply" || name == "divide") wide_range = true;
    push(fmt::format("{}(v{}, v{})", name, from, other), name == "concat" ? 2 * width : width,
         [name, from, other, axis](const Arrays& v) {
           const Array &a = v[from], &b = v[other];
           if (name == "add") return add(a, b);
           if (name == "multiply") return multiply(a, b);
           if (name == "subtract") return subtract(a, multiply(b, 0.3f));
           if (name == "maximum") return maximum(a, b);
           if (name == "mean") return subtract(a, mean(b, {axis}, true));
           if (name == "divide") return divide(a, add(abs(b), 1.0f));
           return concat({a, b}, axis);
         });
  }

  void add_shape(size_t from) {
    const int64_t width = widths_[from], start = draw_.below(width);
    const int axis = lead();
    if (width % 2 == 0 && draw_.chance(2)) {
      push(fmt::format("interleaved halves of v{}", from), width, [from, axis, width](const Arrays& v) {
        const Shape& shape = v[from].shape();
        Shape split = shape, joined = shape;
        split[axis] = 2;
        split.push_back(width / 2);
        std::vector<int64_t> order(static_cast<size_t>(axis + 2));
        for (int i = 0; i < axis + 2; ++i) order[static_cast<size_t>(i)] = i;
        std::swap(order[static_cast<size_t>(axis)], order[static_cast<size_t>(axis + 1)]);
        return reshape(transpose(reshape(v[from], split), order), joined);
      });
      return;
    }
    push(fmt::format("v{}[{}:]", from, start), width - start,
         [from, axis, start, width](const Arrays& v) { return slice(v[from], axis, start, width); });
  }

  void add_image_step() {
    const size_t from = static_cast<size_t>(rows() - 1);
    const int64_t width = widths_[from], wanted = 2 * (1 + draw_.below(4));
    switch (draw_.below(7)) {
      case 0:
      case 1: {
        nn::ConvOptions o{.padding = {1}, .groups = width % 2 == 0 && draw_.chance(3) ? 2 : 1};
        o.activation = draw_.text({"", "relu"});
        return layer("conv2d", from, wanted, nn::Conv2D(wanted, {3}, o));
      }
      case 2:
        return layer("batch_norm", from, width, nn::BatchNorm());
      case 3:
        return add_pointwise_image(from);
      case 4:
        return layer("max_pool", from, width, nn::MaxPool2D({3}, {.strides = {1}, .padding = {1}}));
      case 5:
        return layer("avg_pool", from, width, nn::AvgPool2D({3}, {.strides = {1}, .padding = {1}}));
      default: {
        const size_t other = like(from);
        return push(fmt::format("add(v{}, v{})", from, other), width,
                    [from, other](const Arrays& v) { return add(v[from], v[other]); });
      }
    }
  }

  void add_pointwise_image(size_t from) {
    const std::string name = draw_.text({"relu", "sigmoid", "tanh", "half"});
    push(fmt::format("{}(v{})", name, from), widths_[from], [name, from](const Arrays& v) {
      return name == "half" ? add(multiply(v[from], 0.5f), 1.0f) : nn::activate(v[from], name);
    });
  }

  void add_end() {
    if (family_ == Family::image) {
      layer("global_avg_pool", static_cast<size_t>(rows() - 1), widths_.back(), nn::GlobalAvgPool2D());
      return layer("dense", static_cast<size_t>(rows() - 1), 3, nn::Dense(3));
    }
    if (family_ == Family::sequence && draw_.chance(3))
      layer("sequence_last", static_cast<size_t>(rows() - 1), widths_.back(), nn::SequenceLast());
    if (draw_.chance(2))
      layer("dense", static_cast<size_t>(rows() - 1), 2, nn::Dense(2, {.flatten = false}));
    else if (draw_.chance(4))  // the output is a value that others read as well
      push("v1 (+ 0 of the rest)", widths_[1], [](const Arrays& v) { return v[1]; });
  }

  Family family_;
  Draw draw_;
  std::vector<int64_t> widths_;
  std::vector<Step> steps_;
};

Array random_input(Family family, int64_t channels, uint64_t seed, int64_t steps, int64_t batch) {
  Shape shape{batch, channels};
  if (family == Family::sequence) shape.insert(0, steps);
  if (family == Family::image) shape = Shape{batch, channels, 6, 5};
  const Key key = Key(seed).fold("input");
  std::vector<float> values(static_cast<size_t>(shape.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(std::clamp(key.normal(i), -3.5, 3.5));
    if (family == Family::sequence && static_cast<int64_t>(i) % channels == 0)
      values[i] = static_cast<float>(key.fold("id").below(i, 6));
  }
  return Array::from(values, shape);
}

struct RandomConfig {
  QuantizationConfig config;
  double floor = 0;  ///< dB that the output must have at least
};

RandomConfig random_config(Draw& draw, const graph::Graph& graph) {
  RandomConfig out;
  QuantizationConfig& c = out.config;
  c.quantized_dtype = draw.text({"auto", "auto", "int8", "uint8", "int16", "int4"});
  c.method = draw.text({"auto", "auto", "auto", "dynamic", "dynamic_decay", "weight_only"});
  c.calib_mode = draw.text({"naive", "naive", "moving_average", "percentile", "entropy", "mse"});
  c.quantize_granularity = draw.text({"channel-wise", "tensor-wise", "group-wise"});
  c.group_size = draw.of<int64_t>({1, 3, 8, 32});
  c.weight_bits = draw.of<int64_t>({8, 8, 8, 6, 12, 16});
  c.power_of_two = draw.chance(6);
  if (c.quantized_dtype != "uint8" && draw.chance(3)) c.activation_scheme = "symmetric";
  if (draw.chance(4)) c.quantize_mode = "smart";
  c.input_dtype = draw.text({"auto", "auto", "float32", "int16"});
  c.output_dtype = draw.text({"float32", "float32", "int16"});
  if (c.quantized_dtype == "int4") c.weight_bits = 4;
  if (c.default_method() != "static") {
    if (c.input_dtype == "int16") c.input_dtype = "auto";
    c.output_dtype = "float32";
  }
  if (draw.chance(6)) c.missing = "fill";
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes())
    if (!node.layer.empty()) names.push_back(node.layer);
  if (!names.empty() && draw.chance(3))
    c.exclude_layers = {names[static_cast<size_t>(draw.below(static_cast<int64_t>(names.size())))]};
  if (!graph.nodes().empty() && draw.chance(5))
    c.exclude_operators = {
        graph.nodes()[static_cast<size_t>(draw.below(static_cast<int64_t>(graph.nodes().size())))].op->name};
  bool narrow = false;
  if (draw.chance(3))
    for (const graph::Node& node : graph.nodes()) {
      if (node.op->name != "lstm" && node.op->name != "gru") continue;
      const std::string state = node.op->name == "lstm" ? "cell" : "state", gate = node.op->name == "lstm" ? "f" : "z";
      c.tensors = {{"*." + state, draw.text({"int16", "int8", "float32"})},
                   {"*.gate." + gate, draw.text({"int8", "int16"})},
                   {"*.hidden", draw.text({"int8", "int16"})}};
      narrow = true;
    }
  if (draw.chance(5)) c.tensors.push_back({"input", draw.text({"bf16", "fp16", "int12", "float32"})});
  for (const char* correction : {"equalization", "scale_migration", "learned_rounding", "bias_correction"})
    if (draw.chance(6)) c.corrections.push_back(correction);
  out.floor = c.quantized_dtype == "int4" ? -4 : 6;
  if (c.power_of_two || narrow) out.floor -= 5;
  return out;
}

runtime::Program saved_and_loaded(const runtime::Program& program) {
  const std::string path = (std::filesystem::temp_directory_path() /
                            fmt::format("quantick-random-{}.qtk", static_cast<const void*>(&program)))
                               .string();
  runtime::save(program, path);
  runtime::Program out = runtime::load(path);
  std::filesystem::remove(path);
  return out;
}

class Threads {
 public:
  explicit Threads(int count) : before_(thread_count()) { set_thread_count(count); }
  ~Threads() { set_thread_count(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// [steps, batch, ...], or [batch, ...] of the last step.
Array stepped(const runtime::Program& program, const Array& x, int64_t window) {
  const int64_t steps = x.shape()[0], batch = x.shape()[1];
  runtime::Stream stream(program, {.instruments = batch, .window = window});
  const auto in = static_cast<size_t>(batch * stream.columns()),
             width = static_cast<size_t>(batch * stream.output_width());
  Array out = Array::empty(Shape{steps, batch, stream.output_width()});
  for (int64_t t = 0; t < steps; ++t)
    stream.step({x.data<float>() + t * static_cast<int64_t>(in), in},
                {out.mutable_data<float>() + t * static_cast<int64_t>(width), width});
  if (program.output().sequence && window == 0) return out;
  return out.slice(0, steps - 1, steps).squeeze(0).contiguous();
}

/// What is wrong with a program, or "".
std::string fault(const runtime::Program& program, const Array& x) {
  const bool whole_window = program.needs_whole_window();
  const runtime::Session session(program);
  const Array y = session.run_codes(x), real = session.run(x);
  for (const float v : real.to_vector<float>())
    if (!std::isfinite(v)) return "an output is not finite";
  if (!same_bits(runtime::Session(saved_and_loaded(program)).run_codes(x), y)) return "reloaded differs";
  {
    const Threads two(2);
    if (!same_bits(session.run_codes(x), y)) return "2 threads differ";
  }
  const bool sequence = program.input().sequence, sequence_out = program.output().sequence;
  const int axis = sequence ? 1 : 0, axis_out = sequence_out ? 1 : 0;
  for (const int64_t row : {int64_t{0}, x.shape()[axis] - 1})
    if (!same_bits(session.run_codes(x.slice(axis, row, row + 1).contiguous()),
                   y.slice(axis_out, row, row + 1).contiguous()))
      return "a single row differs";
  // Float products have the same bits for any batch and thread count, not for any instruction set.
  const bool fixed = std::none_of(program.nodes.begin(), program.nodes.end(), [](const runtime::ProgramNode& node) {
    return node.precision.real() && find_operator(node.op).integer.reads_integers;
  });
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    if (fixed && !same_bits(runtime::Session(program).run_codes(x), y)) return fmt::format("{} differs", isa_name(isa));
  }
  const runtime::CausalityResult causality = runtime::check_causality(session, x);
  if (causality.batch_companions > 0 || (!whole_window && !causality.causal())) return causality.text();
  if (!sequence) return "";
  const int64_t steps = x.shape()[0];
  const Array last = sequence_out ? real.slice(0, steps - 1, steps).squeeze(0).contiguous() : real;
  const auto flat = [](const Array& a) { return a.contiguous().reshape({-1}); };
  if (!same_bits(flat(stepped(program, x, steps)), flat(last))) return "a stream's window differs";
  if (!whole_window && !same_bits(flat(stepped(program, x, 0)), flat(real))) return "steps differ";
  return "";
}

void check_seed(uint64_t seed) {
  const Key key = Key(seed).fold("network");
  const auto family = static_cast<Family>(seed % 8 < 5 ? 0 : seed % 8 < 7 ? 1 : 2);
  const int64_t channels = 2 + static_cast<int64_t>(key.below(0, 6));
  RandomNet net(family, channels, Draw(key.fold("steps")));
  net.initialize(nn::xavier(), seed);
  SCOPED_TRACE(fmt::format("seed {}\n{}", seed, net.text));
  const Array data = random_input(family, channels, seed, kSteps, kRows),
              x = random_input(family, channels, seed + 1, kSteps, kRows);
  const Array reference = net(x);
  Draw draw(key.fold("configuration"));
  const graph::Graph graph = net.trace({x.type()});
  if (graph.nodes().empty()) return;  // dropout alone
  const RandomConfig chosen = random_config(draw, graph);
  try {
    const QuantizedNet q = quantize_net(net, chosen.config, data);
    EXPECT_EQ(fault(q.program, x), "") << q.program.text();
    const double sqnr = sqnr_db(reference, q.predict(x));
    EXPECT_GT(sqnr, net.wide_range ? chosen.floor - 8 : chosen.floor) << q.report.text() << q.program.text();
    EXPECT_EQ(q.report.calibration_rows, kRows);
    EXPECT_EQ(q.report.text().find("nan"), std::string::npos) << q.report.text();
  } catch (const Error& e) {
    ADD_FAILURE() << e.what();
  }
}

TEST(RandomNetwork, QuantizedInAnyWayKeepsItsBitsAndItsMeaning) {
  for (uint64_t seed = 0; seed < 32; ++seed) check_seed(seed);
}

}  // namespace
}  // namespace quantick::quant
