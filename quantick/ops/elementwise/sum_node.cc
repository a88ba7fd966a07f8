#include "quantick/ops/elementwise/sum_node.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/ops/blocks.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/row_node.h"

namespace quantick {
namespace {

/// Elements that are float32 at one time.
constexpr int64_t kPiece = 256;

class SumNode : public IntegerNode {
 public:
  SumNode(const PrepareCall& call, std::string_view who)
      : a_(call.inputs.front()), b_(call.inputs.back()), y_(call.output), width_(call.output_type.shape.size()) {
    const Array& scale = call.constant("scale");
    QTK_CHECK(call.inputs.size() == 2 && y_.quantized(), FormatError,
              "[{}] scale goes with two computed operands and an integer output", who);
    QTK_CHECK(scale.shape() == Shape{2}, FormatError, "[{}] scale, was {}, expected 2 of them", who,
              scale.type().text());
    for (size_t i = 0; i < 2; ++i)
      QTK_CHECK(call.inputs[i].quantized() && call.input_types[i].shape.size() == width_, FormatError,
                "[{}] operand {}, was {} {}, expected integers with channels {}", who, i, call.inputs[i].name(),
                call.input_types[i].shape.text(), call.output_type.shape.text());
    scale_a_ = scale.data<float>()[0];
    scale_b_ = scale.data<float>()[1];
    check_scale(std::abs(scale_a_), kLargestScale, who);
    check_scale(std::abs(scale_b_), kLargestScale, who);
  }

  void run(const Call& call) const noexcept override {
    const int64_t n = call.steps * call.batch * width_;
    const void *a = call.inputs[0], *b = call.inputs[1];
    const kernels::AddOperand of_a{scale_a_, a_.zero_point}, of_b{scale_b_, b_.zero_point};
    if (a_.dtype == y_.dtype && b_.dtype == y_.dtype) {
      if (y_.dtype == DType::i8)
        kernels::add_s8(static_cast<const int8_t*>(a), of_a, static_cast<const int8_t*>(b), of_b, n, y_.zero_point,
                        static_cast<int8_t*>(call.output), isa_);
      else
        kernels::add_s16(static_cast<const int16_t*>(a), of_a, static_cast<const int16_t*>(b), of_b, n, y_.zero_point,
                         static_cast<int16_t*>(call.output), isa_);
      return;
    }
    // Other mixes: the same operations, each on a piece. A scale of 1 leaves the rounding alone.
    const TensorFormat terms[] = {{a_.dtype, scale_a_, a_.zero_point}, {b_.dtype, scale_b_, b_.zero_point}};
    const TensorFormat sums{y_.dtype, 1.0f, y_.zero_point};
    float first[kPiece], second[kPiece];
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      load_codes(static_cast<const std::byte*>(a) + i * dtype_size(a_.dtype), count, terms[0], isa_, first);
      load_codes(static_cast<const std::byte*>(b) + i * dtype_size(b_.dtype), count, terms[1], isa_, second);
      map_blocks(
          count, first, [](float u, float v) { return u + v; }, first, second);
      store_codes(first, count, sums, isa_, static_cast<std::byte*>(call.output) + i * dtype_size(y_.dtype));
    }
  }

 private:
  TensorFormat a_, b_, y_;
  int64_t width_;
  float scale_a_ = 1, scale_b_ = 1;
  Isa isa_ = active_isa();
};

}  // namespace

IntegerForm sum_form(std::string_view who, float sign, ElementFunction function) {
  IntegerForm form = element_form(who, 2, function);
  form.lower = [who, sign](const LowerCall& call) -> std::vector<NamedArray> {
    if (!all_integers(call)) return constant_operands(call, who);
    std::vector<float> scales;
    for (const TensorFormat& input : call.inputs) {
      scales.push_back(input.scale / call.output.scale);
      check_scale(scales.back(), kLargestScale, lowering_name(who, call));
    }
    scales[1] *= sign;
    return {{"scale", Array::from(scales)}};
  };
  form.prepare = [who, function = std::move(function)](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
    if (call.has_constant("scale")) return std::make_unique<SumNode>(call, who);
    return make_element_node(call, who, function);
  };
  return form;
}

}  // namespace quantick
