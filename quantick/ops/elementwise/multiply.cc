#include "quantick/kernels/quantize/requantize.h"
#include "quantick/ops/elementwise/binary.h"
#include "quantick/ops/lowering.h"

namespace quantick {
namespace {

/// Integer operands and output: y = sat(RNE(f32((a - z_a) * (b - z_b)) * S) + z_y), the product exact.
class ProductNode : public IntegerNode {
 public:
  explicit ProductNode(const PrepareCall& call)
      : a_(call.inputs.front()), b_(call.inputs.back()), y_(call.output), width_(call.output_type.shape.size()) {
    QTK_CHECK(call.inputs.size() == 2 && y_.quantized(), FormatError,
              "[multiply] scale goes with two computed operands and an integer output");
    const Array& scale = call.constant("scale");
    QTK_CHECK(scale.shape() == Shape{1}, FormatError, "[multiply] scale, was {}, expected 1 of them",
              scale.type().text());
    scale_ = scale.data<float>()[0];
    check_scale(scale_, kLargestScale, "multiply");
    for (size_t i = 0; i < 2; ++i)
      QTK_CHECK(call.inputs[i].quantized() && call.input_types[i].shape.size() == width_, FormatError,
                "[multiply] operand {}, was {} {}, expected integers with channels {}", i, call.inputs[i].name(),
                call.input_types[i].shape.text(), call.output_type.shape.text());
  }

  void run(const Call& call) const noexcept override {
    const int64_t n = call.steps * call.batch * width_;
    if (a_.dtype == DType::i8)
      with_a(static_cast<const int8_t*>(call.inputs[0]), n, call);
    else
      with_a(static_cast<const int16_t*>(call.inputs[0]), n, call);
  }

 private:
  template <class A>
  void with_a(const A* a, int64_t n, const Call& call) const noexcept {
    if (b_.dtype == DType::i8)
      with_b(a, static_cast<const int8_t*>(call.inputs[1]), n, call);
    else
      with_b(a, static_cast<const int16_t*>(call.inputs[1]), n, call);
  }

  template <class A, class B>
  void with_b(const A* a, const B* b, int64_t n, const Call& call) const noexcept {
    if (y_.dtype == DType::i8)
      products(a, b, n, static_cast<int8_t*>(call.output));
    else
      products(a, b, n, static_cast<int16_t*>(call.output));
  }

  template <class A, class B, class Y>
  void products(const A* a, const B* b, int64_t n, Y* y) const noexcept {
    // Less its zero point, an 8-bit code has 9 bits and a 16-bit code 17: only two of the latter leave 32 bits.
    using Exact = std::conditional_t<sizeof(A) + sizeof(B) < 4, int32_t, int64_t>;
    const auto zero_a = static_cast<Exact>(a_.zero_point), zero_b = static_cast<Exact>(b_.zero_point);
    const kernels::OutputLimits limits = kernels::output_limits(y_.bits(), y_.zero_point);
    for (int64_t i = 0; i < n; ++i) {
      const Exact product = (static_cast<Exact>(a[i]) - zero_a) * (static_cast<Exact>(b[i]) - zero_b);
      y[i] = static_cast<Y>(kernels::round_to_limits(static_cast<float>(product) * scale_, limits));
    }
  }

  TensorFormat a_, b_, y_;
  int64_t width_;
  float scale_ = 1;
};

struct Multiply : Binary<Multiply> {
  static constexpr std::string_view name = "multiply", onnx = "Mul";
  static constexpr std::string_view summary = "a * b with broadcasting.";

  template <class T>
  static T value(T u, T v) {
    return wrapping(u, v, [](auto p, auto q) { return p * q; });
  }
  static double exact(double u, double v) { return u * v; }

  static IntegerForm integer_form() {
    IntegerForm form = element_form(name, 2, elements);
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      if (!all_integers(call)) return constant_operands(call, name);
      const float scale = (call.inputs[0].scale * call.inputs[1].scale) / call.output.scale;
      check_scale(scale, kLargestScale, lowering_name(name, call));
      return {{"scale", Array::from(std::vector<float>{scale})}};
    };
    form.prepare = [](const PrepareCall& call) -> std::unique_ptr<IntegerNode> {
      if (call.has_constant("scale")) return std::make_unique<ProductNode>(call);
      return make_element_node(call, name, elements);
    };
    return form;
  }

  static Arrays gradient(const Attrs&, const GradientCall& call) {
    const Array &a = call.inputs[0], &b = call.inputs[1], &d = call.output_grads[0];
    return summed(call, d * b, d * a);
  }
};

}  // namespace

const Operator& multiply_operator() { return operator_row<Multiply>(); }

Array multiply(const Array& a, const Array& b) { return invoke1(multiply_operator(), {}, {a, b}); }

}  // namespace quantick
