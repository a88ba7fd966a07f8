#include "quantick/ops/elementwise/sum_node.h"

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/kernels/quantize/quantize.h"
#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/lowering.h"

namespace quantick {
namespace {

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
    const kernels::OutputLimits limits = kernels::output_limits(y_.bits(), y_.zero_point);
    for (int64_t i = 0; i < n; ++i) {
      const int32_t sum = kernels::requantize2(code(a, a_, i) - a_.zero_point, scale_a_, code(b, b_, i) - b_.zero_point,
                                               scale_b_, limits);
      if (y_.dtype == DType::i8)
        static_cast<int8_t*>(call.output)[i] = static_cast<int8_t>(sum);
      else
        static_cast<int16_t*>(call.output)[i] = static_cast<int16_t>(sum);
    }
  }

 private:
  static int64_t code(const void* from, const TensorFormat& format, int64_t at) noexcept {
    return format.dtype == DType::i8 ? static_cast<const int8_t*>(from)[at] : static_cast<const int16_t*>(from)[at];
  }

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
