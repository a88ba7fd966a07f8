#include "quantick/ops/recurrent/recurrent_node.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "quantick/core/error.h"
#include "quantick/kernels/dense/dense.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// What the kernels take: sums times this stay finite.
constexpr float kLargestGateScale = 0x1p70f;

size_t round_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Throws ValueError where a sum can leave its accumulator.
void prove_sums(const QuantizedWeight& weight, const int64_t* bias, int bits) {
  const int64_t rows = weight.rows(), columns = weight.values.size() / rows;
  if (weight.values.dtype() == DType::i8)
    kernels::accumulator_bits(weight.values.data<int8_t>(), rows, columns, bias, bits);
  else
    kernels::accumulator_bits(weight.values.data<int16_t>(), rows, columns, bias, bits);
}

/// State of a batch: [batch, units] float32, with dynamic_decay the maxima [batch] float32, then the hidden values
/// [batch, width of h] int16.
class RecurrentNode : public IntegerNode {
 public:
  RecurrentNode(const PrepareCall& call, const RecurrentConstants& constants, kernels::RecurrentKernel kernel)
      : kernel_(std::move(kernel)),
        units_(kernel_.units()),
        hidden_(kernel_.hidden()),
        inputs_(kernel_.inputs()),
        dynamic_(constants.dynamic()),
        decaying_(dynamic_ && call.precision.method == "dynamic_decay"),
        decay_(static_cast<float>(call.precision.decay)),
        hidden_format_(constants.hidden_format()),
        output_(call.output) {}

  void run(const Call& call) const noexcept override {
    const State s = state(call.state, call.batch);
    if (dynamic_ || converts())
      run_blocks(call, s, nullptr, nullptr);
    else
      kernel_.run(call.inputs[0], call.steps, call.batch, static_cast<int16_t*>(call.output), s.h, s.state,
                  call.scratch);
  }

  void run_counted(const Call& call, NodeCounters& counters) const noexcept override {
    kernels::RecurrentCounters events;
    run_blocks(call, state(call.state, call.batch), nullptr, &events);
    counters.saturations += events.saturations;
    counters.dead_zone += events.dead_zone;
  }

  void prepare_step(const Call& call) const noexcept override {
    kernel_.prepare(state(call.state, call.batch).h, call.batch, static_cast<float*>(call.pending), call.scratch);
  }

  void finish_step(const Call& call) const noexcept override {
    const State s = state(call.state, call.batch);
    const auto* ph = static_cast<const float*>(call.pending);
    if (dynamic_ || converts()) {
      run_blocks(call, s, ph, nullptr);
    } else {
      kernel_.finish(call.inputs[0], s.h, s.state, call.batch, ph, call.scratch);
      std::copy_n(s.h, call.batch * hidden_, static_cast<int16_t*>(call.output));
    }
  }

  int64_t pending_bytes() const override { return kernel_.row_floats() * static_cast<int64_t>(sizeof(float)); }

  int64_t state_bytes() const override {
    return units_ * static_cast<int64_t>(sizeof(float)) + hidden_ * static_cast<int64_t>(sizeof(int16_t)) +
           maximum_bytes();
  }

  std::vector<int64_t> state_parts() const override {
    return {units_ * static_cast<int64_t>(sizeof(float)), maximum_bytes(),
            hidden_ * static_cast<int64_t>(sizeof(int16_t))};
  }

  int64_t scratch_bytes(int64_t, int64_t) const override {
    return static_cast<int64_t>(product_bytes() + kScaleBytes + value_bytes() + kernel_.scratch_bytes());
  }

 private:
  /// Rows (steps times batch rows) whose input products are computed together.
  static constexpr int64_t kBlock = kernels::kDenseBlock;
  static constexpr size_t kScaleBytes = kBlock * sizeof(float);

  struct State {
    float* state;
    float* maxima;
    int16_t* h;
  };

  /// Whether the output has another format than h.
  bool converts() const { return !(output_ == hidden_format_); }
  int64_t maximum_bytes() const { return decaying_ ? static_cast<int64_t>(sizeof(float)) : 0; }
  size_t product_bytes() const { return round_up(static_cast<size_t>(kBlock * kernel_.row_floats()) * sizeof(float)); }

  size_t value_bytes() const {
    return converts() ? round_up(static_cast<size_t>(kBlock * hidden_) * sizeof(float)) : 0;
  }

  State state(void* memory, int64_t batch) const noexcept {
    auto* values = static_cast<float*>(memory);
    float* maxima = values + batch * units_;
    return {values, maxima, reinterpret_cast<int16_t*>(reinterpret_cast<char*>(maxima) + batch * maximum_bytes())};
  }

  /// The input products of some steps together, then step after step; block after block of the batch. ph, where given,
  /// has the products of h of the only step.
  void run_blocks(const Call& call, const State& s, const float* ph,
                  kernels::RecurrentCounters* events) const noexcept {
    auto* at = static_cast<char*>(call.scratch);
    auto* px = reinterpret_cast<float*>(at);
    auto* scales = reinterpret_cast<float*>(at + product_bytes());
    auto* values = reinterpret_cast<float*>(at + product_bytes() + kScaleBytes);
    at += product_bytes() + kScaleBytes + value_bytes();
    auto* output = static_cast<char*>(call.output);
    const int64_t width = kernel_.row_floats(),
                  together = call.batch <= kBlock ? kBlock / std::max<int64_t>(call.batch, 1) : 1;
    for (int64_t row = 0; row < call.batch; row += kBlock) {
      const int64_t rows = std::min(kBlock, call.batch - row);
      for (int64_t t = 0; t < call.steps; t += together) {
        const int64_t steps = std::min(together, call.steps - t), first = (t * call.batch + row) * inputs_;
        if (dynamic_)
          dynamic_products(static_cast<const float*>(call.inputs[0]) + first, steps, rows, s.maxima + row, scales, px,
                           at);
        else
          kernel_.input_products(static_cast<const char*>(call.inputs[0]) + first * kernel_.x_bits() / 8, steps * rows,
                                 px, at);
        int16_t* h = s.h + row * hidden_;
        for (int64_t u = 0; u < steps; ++u) {
          if (ph)
            kernel_.finish_products(px, h, s.state + row * units_, rows, ph + row * width, at, events);
          else
            kernel_.step_products(px + u * rows * width, h, s.state + row * units_, rows, at, events);
          void* to = output + ((t + u) * call.batch + row) * hidden_ * dtype_size(output_.dtype);
          if (converts()) {
            load_codes(h, rows * hidden_, hidden_format_, kernel_.isa(), values);
            store_codes(values, rows * hidden_, output_, kernel_.isa(), to);
          } else {
            std::copy_n(h, rows * hidden_, static_cast<int16_t*>(to));
          }
        }
      }
    }
  }

  void dynamic_products(const float* x, int64_t steps, int64_t rows, float* maxima, float* scales, float* px,
                        void* scratch) const noexcept {
    if (decaying_)
      kernels::decaying_scales(x, steps, rows, inputs_, decay_, maxima, scales, kernel_.isa());
    else
      kernels::dynamic_scales(x, steps * rows, inputs_, scales, kernel_.isa());
    kernel_.input_products(x, scales, steps * rows, px, scratch);
  }

  kernels::RecurrentKernel kernel_;
  int64_t units_, hidden_, inputs_;
  bool dynamic_, decaying_;
  float decay_;
  TensorFormat hidden_format_, output_;
};

/// The scale of a projected h: the power of two at or above the largest sum of magnitudes of a row, which bounds |r|
/// since |h| < 1, over 2^15.
float projected_scale(const QuantizedWeight& weight, int64_t group_size) {
  const std::vector<double> codes = weight.values.to_vector<double>();
  const int64_t columns = weight.values.size() / weight.rows(), groups = std::max<int64_t>(weight.groups, 1);
  double largest = 0;
  for (int64_t r = 0; r < weight.rows(); ++r) {
    double sum = 0;
    for (int64_t k = 0; k < columns; ++k)
      sum += std::abs(codes[static_cast<size_t>(r * columns + k)]) *
             static_cast<double>(
                 weight.scales[static_cast<size_t>(r * groups + (weight.groups > 0 ? k / group_size : 0))]);
    largest = std::max(largest, sum);
  }
  return largest > 0 ? static_cast<float>(std::ldexp(1.0, static_cast<int>(std::ceil(std::log2(largest))) - 15))
                     : kQ15.scale;
}

Array optional_constant(const PrepareCall& call, std::string_view name) {
  return call.has_constant(name) ? call.constant(name) : Array();
}

}  // namespace

std::vector<NamedArray> lower_recurrent(const LowerCall& call, const RecurrentParameters& parameters,
                                        std::string_view who) {
  const Precision& precision = call.precision;
  check_gate_lists(precision, parameters.gates, who);
  const int64_t units = parameters.w_h.shape()[0] / parameters.gates;
  const WeightForm form = gate_weight_form(precision, parameters.gates, units, who);
  std::vector<NamedArray> out;
  // One product: weights, scales, bias.
  const auto add = [&](const std::string& suffix, const Array& weight, std::span<const double> bias, float unit,
                       int32_t zero, int bits, bool dynamic) {
    const bool real = dynamic || precision.granularity == "group-wise";
    const QuantizedWeight w = quantize_weight(weight, form, real ? std::span<const double>() : bias, unit, who);
    out.push_back({"w" + suffix, pack_codes(w.values, w.bits)});
    out.push_back({"s" + suffix, w.scale_array(row_scales(unit, w.scales, 1, kLargestGateScale, who))});
    std::vector<int64_t> integers;
    if (!bias.empty() && real) out.push_back({"bias_" + suffix, Array::from(real_bias(bias, 1, who))});
    if (!bias.empty() && !real) {
      integers = quantize_bias(bias, unit, zero, w, who);
      out.push_back({"b" + suffix, Array::from(integers)});
    }
    prove_sums(w, integers.empty() ? nullptr : integers.data(), bits);
  };
  float hidden_scale = kQ15.scale;
  if (parameters.w_r.defined()) {
    const QuantizedWeight w = quantize_weight(parameters.w_r, weight_form(precision), {}, 1, who);
    hidden_scale = projected_scale(w, precision.group_size);
    prove_sums(w, nullptr, kQ15.bits());
    out.push_back({"wr", pack_codes(w.values, w.bits)});
    out.push_back({"sr", w.scale_array(row_scales(kQ15.scale, w.scales, hidden_scale, kLargestScale, who))});
    out.push_back({"scale_r", Array::from(std::vector<float>{hidden_scale})});
  }
  const TensorFormat& x = call.inputs[0];
  const bool dynamic = !x.quantized();
  add("x", parameters.w_x, parameters.bias_x, dynamic ? 1.0f : x.scale, x.zero_point, dynamic ? 8 : x.bits(), dynamic);
  add("h", parameters.w_h, parameters.bias_h, precision.hidden_bits == 8 ? hidden_scale * 0x1p8f : hidden_scale, 0,
      static_cast<int>(precision.hidden_bits), false);
  return out;
}

std::vector<NamedArray> lower_real_recurrent(const LowerCall& call, const RecurrentParameters& parameters,
                                             std::string_view who) {
  const Precision& precision = call.precision;
  check_gate_lists(precision, parameters.gates, who);
  const bool integers = precision.method == "weight_only";
  const int64_t units = parameters.w_h.shape()[0] / parameters.gates;
  const WeightForm by_gate = integers ? gate_weight_form(precision, parameters.gates, units, who) : WeightForm();
  std::vector<NamedArray> out;
  const auto add = [&](const std::string& name, const Array& weight, const WeightForm& form) {
    for (NamedArray& constant : lower_real_weight(name, weight, precision, form, who)) out.push_back(constant);
  };
  add("wx", parameters.w_x, by_gate);
  add("wh", parameters.w_h, by_gate);
  if (parameters.w_r.defined()) add("wr", parameters.w_r, integers ? weight_form(precision) : WeightForm());
  return out;
}

RecurrentConstants::RecurrentConstants(const PrepareCall& call, int64_t gates, std::string_view layer)
    : inputs_(call.input_types[0].shape.size()),
      hidden_(call.output_type.shape.size()),
      wx_(unpack_codes(call.constant("wx"), inputs_)),
      wh_(unpack_codes(call.constant("wh"), hidden_)),
      sx_(call.constant("sx")),
      sh_(call.constant("sh")),
      bx_(optional_constant(call, "bx")),
      bh_(optional_constant(call, "bh")),
      bias_x_(optional_constant(call, "bias_x")),
      bias_h_(optional_constant(call, "bias_h")) {
  units_ = wh_.shape()[0] / gates;
  check_gate_lists(call.precision, gates, layer);
  const int64_t rows = gates * units_;
  const bool dynamic = !call.inputs[0].quantized(), grouped = call.precision.granularity == "group-wise";
  const int64_t size = grouped ? call.precision.group_size : 0;
  const auto scales = [&](int64_t columns) { return grouped ? Shape{rows, (columns + size - 1) / size} : Shape{rows}; };
  const auto check = [&](std::string_view name, const Array& was, const Shape& expected, DType dtype) {
    QTK_CHECK(was.defined() && was.shape() == expected && was.dtype() == dtype, FormatError,
              "[{}] constant {}, was {}, expected {}", layer, name, was.defined() ? was.type().text() : "missing",
              (TensorType{dtype, expected}).text());
  };
  check("wx", wx_, {rows, inputs_}, wx_.dtype());
  check("wh", wh_, {rows, hidden_}, wh_.dtype());
  check("sx", sx_, scales(inputs_), DType::f32);
  check("sh", sh_, scales(hidden_), DType::f32);
  if (dynamic || grouped)
    check("bias_x", bias_x_, {rows}, DType::f32);
  else
    check("bx", bx_, {rows}, DType::i64);
  if (bh_.defined()) check("bh", bh_, {rows}, DType::i64);
  if (bias_h_.defined()) check("bias_h", bias_h_, {rows}, DType::f32);
  forms_ = {.wx16 = wx_.dtype() == DType::i16 ? wx_.data<int16_t>() : nullptr,
            .wh16 = wh_.dtype() == DType::i16 ? wh_.data<int16_t>() : nullptr,
            .group_size = size,
            .zero_x = grouped && !dynamic ? call.inputs[0].zero_point : 0,
            .dynamic = dynamic,
            .bias_x = dynamic || grouped ? bias_x_.data<float>() : nullptr,
            .bias_h = bias_h_.defined() ? bias_h_.data<float>() : nullptr};
  if (!call.has_constant("wr")) {
    QTK_CHECK(hidden_ == units_, FormatError, "[{}] output channels, was {}, expected {}", layer, hidden_, units_);
    QTK_CHECK(call.output == kQ15, FormatError, "[{}] output format, expected int16 with scale 2^-15", layer);
    return;
  }
  wr_ = unpack_codes(call.constant("wr"), units_);
  const Array &sr = call.constant("sr"), &scale = call.constant("scale_r");
  check("wr", wr_, {hidden_, units_}, wr_.dtype());
  check("sr", sr, grouped ? Shape{hidden_, (units_ + size - 1) / size} : Shape{hidden_}, DType::f32);
  check("scale_r", scale, {1}, DType::f32);
  hidden_format_ = {DType::i16, scale.data<float>()[0], 0};
  projection_ = {.rows = hidden_,
                 .cols = units_,
                 .weights = wr_.dtype() == DType::i8 ? wr_.data<int8_t>() : nullptr,
                 .weights16 = wr_.dtype() == DType::i16 ? wr_.data<int16_t>() : nullptr,
                 .scale = sr.data<float>(),
                 .x_bits = 16,
                 .y_bits = 16,
                 .group_size = size};
  forms_.projection = &projection_;
}

std::unique_ptr<IntegerNode> make_recurrent_node(const PrepareCall& call, const RecurrentConstants& constants,
                                                 kernels::RecurrentKernel kernel) {
  return std::make_unique<RecurrentNode>(call, constants, std::move(kernel));
}

void check_gate_lists(const Precision& precision, int64_t gates, std::string_view who) {
  const auto check = [&](std::string_view key, const std::vector<int64_t>& list) {
    QTK_CHECK(list.empty() || static_cast<int64_t>(list.size()) == gates, ValueError,
              "[{}] {}, was a list of {}, expected {}, one per gate", who, key, list.size(), gates);
  };
  check("gate_bits", precision.gate_bits);
  check("gate_weight_bits", precision.gate_weight_bits);
}

}  // namespace quantick
