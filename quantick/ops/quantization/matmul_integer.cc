#include "quantick/ops/define.h"
#include "quantick/ops/quantization/integer_matmul.h"

namespace quantick {
namespace {

struct MatMulInteger {
  static constexpr std::string_view name = "matmul_integer", family = "quantization", onnx = "MatMulInteger";
  static constexpr std::string_view summary =
      "(a - a_zero) times (b - b_zero) in int32, modulo 2^32: a [..., m, k], b [..., k, n] int8 or uint8.";
  static constexpr int optional_inputs = 2;
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"a", "b", "a_zero", "b_zero"}; }

  static Types infer(const Attrs&, const Types& in) {
    check_codes8(name, "a", in[0]);
    check_codes8(name, "b", in[1]);
    for (size_t i = 2; i < in.size(); ++i) {
      if (is_absent(in[i])) continue;
      const std::string_view what = i == 2 ? "a_zero" : "b_zero";
      check_same_dtype(name, what, in[i], in[i - 2].dtype);
      line_shape(name, what, in[i - 2].shape, in[i].shape, i == 2 ? Lines::rows : Lines::columns);
    }
    return {{DType::i32, product_shape(name, in[0].shape, in[1].shape)}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    return {integer_matmul(in[0], optional(in, 2), in[1], optional(in, 3)).astype(DType::i32)};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    return {Array::from(plain_matmul(in[0], optional(in, 2), in[1], optional(in, 3)),
                        product_shape(name, in[0].shape(), in[1].shape()))};
  }

  static Array optional(std::span<const Array> in, size_t index) { return index < in.size() ? in[index] : Array(); }

  static std::vector<OperatorSample> samples() {
    const auto u8 = [](const Shape& shape) { return TensorType{DType::u8, shape}; };
    const auto i8 = [](const Shape& shape) { return TensorType{DType::i8, shape}; };
    return {{{i8({3, 5}), i8({5, 4})}, {}, -128, 128},
            {{u8({3, 5}), i8({5, 4}), u8({}), i8({1})}, {}, 0, 128},
            {{u8({67, 33}), u8({33, 19}), u8({67}), u8({19})}, {}, 0, 256},
            {{i8({2, 3, 5}), i8({2, 5, 4}), i8({2, 3, 1}), i8({2, 1, 4})}, {}, -128, 128},
            {{i8({3, 1, 2, 5}), u8({2, 5, 4})}, {}, 0, 128},
            {{i8({0, 5}), i8({5, 4})}, {}, -2, 2},
            {{i8({2, 0}), i8({0, 4})}, {}, -2, 2}};
  }
  static std::vector<OperatorMisuse> misuses() {
    const auto i8 = [](const Shape& shape) { return TensorType{DType::i8, shape}; };
    return {{{i8({2, 3}), i8({4, 5})}, {}, "[matmul_integer] rows of b, was 4, expected 3"},
            {{i8({3}), i8({3, 5})}, {}, "[matmul_integer] a, was (3,), expected 2 dimensions"},
            {{float32({2, 3}), i8({3, 5})}, {}, "[matmul_integer] a, was float32, expected int8 or uint8"},
            {{i8({2, 3}), i8({3, 5}), i8({3})}, {}, "[matmul_integer] a_zero, was (3,), expected one element, (2,)"},
            {{i8({2, 3}), i8({3, 5}), {DType::u8, Shape{}}}, {}, "[matmul_integer] a_zero, was uint8, expected int8"}};
  }
};

}  // namespace

const Operator& matmul_integer_operator() { return operator_row<MatMulInteger>(); }

Array matmul_integer(const Array& a, const Array& b, const Array& a_zero, const Array& b_zero) {
  return invoke1(matmul_integer_operator(), {}, {a, b, a_zero, b_zero});
}

}  // namespace quantick
