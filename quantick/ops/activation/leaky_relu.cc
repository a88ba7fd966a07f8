#include <algorithm>
#include <cmath>

#include "quantick/ops/blocks.h"
#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/element_node.h"
#include "quantick/ops/elementwise/loop.h"

namespace quantick {
namespace {

/// Elements at one time.
constexpr int64_t kPiece = 256;

struct LeakyRelu {
  static constexpr std::string_view name = "leaky_relu", family = "activation", onnx = "LeakyRelu";
  static constexpr std::string_view summary = "x, or alpha * x where x is negative.";
  struct Attrs {
    double alpha = 0.01;
    static constexpr auto fields() { return std::make_tuple(field("alpha", &Attrs::alpha, "slope below 0")); }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(std::isfinite(attrs.alpha), ValueError, "[leaky_relu] alpha, was {}, expected a finite number",
              attrs.alpha);
    return in;
  }

  template <class T>
  static T value(T v, T alpha) {
    return v < 0 ? alpha * v : v;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    return {visit_float(in[0].dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T alpha = static_cast<T>(attrs.alpha);
      return map_unary<T, T>(in[0], [=](T v) { return value(v, alpha); });
    })};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    std::vector<double> y = in[0].to_vector<double>();
    for (double& v : y) v = std::fmax(v, 0) + attrs.alpha * std::fmin(v, 0);
    return {Array::from(y, in[0].shape())};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array& d = call.output_grads[0];
    return {where(call.inputs[0] < 0.0, d * attrs.alpha, d)};
  }

  static IntegerForm integer_form() {
    IntegerForm form = element_form(name, 1, {});
    form.prepare = [](const PrepareCall& call) {
      const auto alpha = static_cast<float>(from_attributes<Attrs>(*call.attributes, name).alpha);
      QTK_CHECK(std::isfinite(alpha), FormatError, "[leaky_relu] alpha, was {}, expected a finite number", alpha);
      return make_element_node(call, name, [alpha](const float* const* x, int64_t n, float* y) {
        // Products first, for all: then the choice is a mask, not a branch.
        float below[kPiece];
        for (int64_t i = 0; i < n; i += kPiece) {
          const int64_t count = std::min(kPiece, n - i);
          map_blocks(
              count, below, [alpha](float v) { return alpha * v; }, x[0] + i);
          map_blocks(
              count, y + i, [](float v, float b) { return v < 0 ? b : v; }, x[0] + i, below);
        }
      });
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const Attributes steep = to_attributes(Attrs{0.25});
    return {{{float32({3, 5})}, {}}, {{float32({0, 3})}, {}}, {{float32({2, 3, 17})}, steep}, {{float32({})}, steep}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{{DType::i8, Shape{2}}}, {}, "was int8, expected float32 or float64"},
            {{float32({2})}, to_attributes(Attrs{INFINITY}), "[leaky_relu] alpha, was inf"}};
  }
};

}  // namespace

const Operator& leaky_relu_operator() { return operator_row<LeakyRelu>(); }

Array leaky_relu(const Array& x, double alpha) {
  return invoke1(leaky_relu_operator(), to_attributes(LeakyRelu::Attrs{alpha}), {x});
}

}  // namespace quantick
