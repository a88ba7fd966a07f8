#include "quantick/kernels/quantize/quantize.h"
#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/elementwise/binary.h"
#include "quantick/ops/lowering.h"

namespace quantick {
namespace {

/// The residual sum of two scales (docs/numerics.md, section 2): rq2.
class AddNode : public IntegerNode {
 public:
  explicit AddNode(const PrepareCall& call)
      : a_(call.inputs[0]), b_(call.inputs[1]), y_(call.output), width_(call.output_type.shape.size()) {
    const Array& scale = call.constant("scale");
    QTK_CHECK(scale.shape() == Shape{2}, FormatError, "[add] scale, was {}, expected 2 of them", scale.type().text());
    for (const TensorType& type : call.input_types)
      QTK_CHECK(type.shape.size() == width_, UnsupportedError,
                "[add] channels, were {}, expected {}: fixed-bits sums do not broadcast", type.shape.text(),
                call.output_type.shape.text());
    scale_a_ = scale.data<float>()[0];
    scale_b_ = scale.data<float>()[1];
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

struct Add : Binary<Add> {
  static constexpr std::string_view name = "add", onnx = "Add";
  static constexpr std::string_view summary = "a + b with broadcasting.";

  template <class T>
  static T value(T u, T v) {
    return wrapping(u, v, [](auto p, auto q) { return p + q; });
  }

  static IntegerForm integer_form() {
    IntegerForm form;
    form.kind = IntegerForm::Kind::pointwise;
    form.data_inputs = 2;
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      const std::string who = lowering_name(name, call);
      require_quantized_inputs(call, who);
      QTK_CHECK(call.output.quantized(), UnsupportedError, "[{}] output, was float32, expected int8 or int16", who);
      std::vector<float> scales;
      for (const TensorFormat& input : call.inputs) {
        scales.push_back(input.scale / call.output.scale);
        check_scale(scales.back(), kLargestScale, who);
      }
      return {{"scale", Array::from(scales)}};
    };
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      return std::make_unique<AddNode>(call);
    };
    return form;
  }

  static double exact(double u, double v) { return u + v; }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array& d = call.output_grads[0];
    return summed(call, d, d);
  }
};

}  // namespace

const Operator& add_operator() { return operator_row<Add>(); }

Array add(const Array& a, const Array& b) { return invoke1(add_operator(), {}, {a, b}); }

}  // namespace quantick
