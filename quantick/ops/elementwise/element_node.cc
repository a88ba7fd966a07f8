#include "quantick/ops/elementwise/element_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Elements that are float32 at one time, unless one row is longer.
constexpr int64_t kPiece = 1024;

std::string operand_name(size_t index) { return fmt::format("operand{}", index); }

class ElementNode : public IntegerNode {
 public:
  ElementNode(const PrepareCall& call, std::string_view who, ElementFunction function)
      : output_(call.output), width_(call.output_type.shape.size()), function_(std::move(function)) {
    rows_ = std::max<int64_t>(1, kPiece / std::max<int64_t>(width_, 1));
    size_t data = 0;
    const size_t count = call.inputs.size() + call.constants.size();
    QTK_CHECK(count <= kMaxOperands, FormatError, "[{}] operands, were {}, expected at most {}", who, count,
              kMaxOperands);
    for (size_t i = 0; i < count; ++i) {
      Operand operand;
      if (call.has_constant(operand_name(i))) {
        const Array row = over_channels(call.constant(operand_name(i)), call.output_type.shape, who);
        const auto values = row.to_vector<float>();
        for (int64_t r = 0; r < rows_; ++r)
          operand.constant.insert(operand.constant.end(), values.begin(), values.end());
      } else {
        QTK_CHECK(data < call.inputs.size(), FormatError, "[{}] constants, lack {}", who, operand_name(i));
        const Shape& shape = call.input_types[data].shape;
        const Array index = Array::arange(0, static_cast<double>(shape.size()), 1, DType::i64).reshape(shape);
        const Array from = over_channels(index, call.output_type.shape, who);
        operand.format = call.inputs[data];
        operand.width = shape.size();
        if (operand.width != width_) operand.from = from.to_vector<int64_t>();
        operand.input = static_cast<int>(data++);
      }
      operands_.push_back(std::move(operand));
    }
  }

  void run(const Call& call) const noexcept override {
    const int64_t total = call.steps * call.batch;
    for (int64_t row = 0; row < total; row += rows_) {
      const int64_t rows = std::min(rows_, total - row), n = rows * width_;
      auto* scratch = static_cast<float*>(call.scratch);
      const float* x[kMaxOperands];
      for (size_t i = 0; i < operands_.size(); ++i) {
        const Operand& operand = operands_[i];
        if (operand.input < 0) {
          x[i] = operand.constant.data();
          continue;
        }
        const auto* from = static_cast<const std::byte*>(call.inputs[operand.input]) +
                           row * operand.width * dtype_size(operand.format.dtype);
        x[i] = loaded(operand, from, rows, scratch);
      }
      auto* to = static_cast<std::byte*>(call.output) + row * width_ * dtype_size(output_.dtype);
      if (!output_.quantized()) {
        function_(x, n, reinterpret_cast<float*>(to));
        continue;
      }
      function_(x, n, scratch);
      store_codes(scratch, n, output_, isa_, to);
    }
  }

  int64_t scratch_bytes(int64_t, int64_t) const override {
    int64_t floats = output_.quantized() ? rows_ * width_ : 0;
    for (const Operand& operand : operands_) floats += scratch_of(operand);
    return floats * static_cast<int64_t>(sizeof(float));
  }

 private:
  static constexpr size_t kMaxOperands = 4;

  struct Operand {
    int input = -1;  ///< -1: the constant
    TensorFormat format;
    int64_t width = 0;
    std::vector<int64_t> from;    ///< source of each channel; empty where that is the channel itself
    std::vector<float> constant;  ///< rows_ rows
  };

  static Array over_channels(const Array& x, const Shape& channels, std::string_view who) {
    QTK_CHECK(x.ndim() <= channels.ndim() && broadcast_shapes(x.shape(), channels, who) == channels, UnsupportedError,
              "[{}] operand channels, were {}, expected what broadcasts to {}", who, x.shape().text(), channels.text());
    return x.broadcast_to(channels);
  }

  int64_t scratch_of(const Operand& operand) const {
    if (operand.input < 0) return 0;
    return (operand.format.quantized() ? rows_ * operand.width : 0) + (operand.from.empty() ? 0 : rows_ * width_);
  }

  /// The operand's rows in float32 with the output's channels, in `scratch` (moved on) or where they lie.
  const float* loaded(const Operand& operand, const std::byte* from, int64_t rows, float*& scratch) const noexcept {
    const auto* x = reinterpret_cast<const float*>(from);
    if (operand.format.quantized()) {
      load_codes(from, rows * operand.width, operand.format, isa_, scratch);
      x = scratch;
      scratch += rows_ * operand.width;
    }
    if (operand.from.empty()) return x;
    float* wide = scratch;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < width_; ++i)
        wide[r * width_ + i] = x[r * operand.width + operand.from[static_cast<size_t>(i)]];
    scratch += rows_ * width_;
    return wide;
  }

  TensorFormat output_;
  int64_t width_, rows_ = 1;
  ElementFunction function_;
  std::vector<Operand> operands_;
  Isa isa_ = active_isa();
};

}  // namespace

std::vector<NamedArray> constant_operands(const LowerCall& call, std::string_view who) {
  std::vector<NamedArray> out;
  int channel_axes = 0;
  for (const TensorType& type : call.input_types) channel_axes = std::max(channel_axes, type.shape.ndim());
  for (size_t i = 0; i < call.parameters.size(); ++i) {
    if (!call.parameters[i].defined()) continue;
    Array value = call.parameters[i].astype(DType::f32);
    while (value.ndim() > channel_axes) {
      QTK_CHECK(value.shape()[0] == 1, UnsupportedError,
                "[{}] constant operand, was {}, expected one value for all steps and rows of a batch",
                lowering_name(who, call), call.parameters[i].shape().text());
      value = value.squeeze(0);
    }
    out.push_back({operand_name(i), value.contiguous()});
  }
  return out;
}

bool all_integers(const LowerCall& call) {
  bool out = call.output.quantized();
  for (const TensorFormat& format : call.inputs) out = out && format.quantized();
  for (const TensorType& type : call.input_types) out = out && type.shape == call.input_types[0].shape;
  for (const Array& constant : call.parameters) out = out && !constant.defined();
  return out;
}

std::unique_ptr<IntegerNode> make_element_node(const PrepareCall& call, std::string_view who,
                                               ElementFunction function) {
  return std::make_unique<ElementNode>(call, who, std::move(function));
}

IntegerForm element_form(std::string_view who, int operands, ElementFunction function) {
  IntegerForm form;
  form.kind = IntegerForm::Kind::pointwise;
  if (operands > 1) {
    form.data_inputs = kAllInputs;
    form.lower = [who](const LowerCall& call) { return constant_operands(call, who); };
  }
  form.prepare = [who, function = std::move(function)](const PrepareCall& call) {
    return make_element_node(call, who, function);
  };
  return form;
}

}  // namespace quantick
