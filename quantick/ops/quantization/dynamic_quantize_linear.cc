#include <algorithm>

#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/quantization/code_type.h"

namespace quantick {
namespace {

constexpr int32_t kTopCode = 255;

struct DynamicQuantizeLinear {
  static constexpr std::string_view name = "dynamic_quantize_linear", family = "quantization",
                                    onnx = "DynamicQuantizeLinear";
  static constexpr std::string_view summary =
      "uint8 codes of x over its own range with 0, their scale and zero point. One range for all of x, later steps and "
      "other rows included: for interchange, not for ticks.";
  static constexpr int visible_outputs = 3;
  using Attrs = NoAttributes;
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs&, const Types& in) {
    check_float(name, "x", in[0]);
    QTK_CHECK(in[0].shape.size() > 0, ShapeError, "[dynamic_quantize_linear] x, was {}, expected elements",
              in[0].shape.text());
    return {{DType::u8, in[0].shape}, {in[0].dtype, Shape{}}, {DType::u8, Shape{}}};
  }

  static Arrays forward(const Attrs&, std::span<const Array> in) {
    const Array x = in[0].contiguous();
    Array codes = Array::empty(x.shape(), DType::u8), scale = Array::empty({}, x.dtype());
    Array zero_point = Array::empty({}, DType::u8);
    visit_float(x.dtype(), [&](auto of_type) {
      using T = decltype(of_type);
      const T* v = x.data<T>();
      T low = 0, high = 0;
      for (int64_t i = 0; i < x.size(); ++i) {
        QTK_CHECK(std::isfinite(v[i]), ValueError, "[dynamic_quantize_linear] x, was {}, expected finite values", v[i]);
        low = std::min(low, v[i]), high = std::max(high, v[i]);
      }
      const T s = high == low ? T(1) : (high - low) / T(kTopCode);
      const int32_t zero = round_to_integer_code(-low / s, 0, 0, kTopCode);
      auto* q = codes.mutable_data<uint8_t>();
      for (int64_t i = 0; i < x.size(); ++i)
        q[i] = static_cast<uint8_t>(round_to_integer_code(v[i] / s, zero, 0, kTopCode));
      *scale.mutable_data<T>() = s;
      *zero_point.mutable_data<uint8_t>() = static_cast<uint8_t>(zero);
    });
    return {codes, scale, zero_point};
  }

  static Arrays truth(const Attrs&, std::span<const Array> in) {
    const auto x = in[0].to_vector<double>();
    const double low = std::min(0.0, *std::min_element(x.begin(), x.end()));
    const double range = std::max(0.0, *std::max_element(x.begin(), x.end())) - low;
    const double scale = range == 0 ? 1 : range / 255;
    const double zero = std::nearbyint(-low / scale);
    std::vector<double> codes;
    for (const double v : x) codes.push_back(std::clamp(std::nearbyint(v / scale) + zero, 0.0, 255.0));
    return {Array::from(codes, in[0].shape()), Array::full({}, scale, DType::f64), Array::full({}, zero, DType::f64)};
  }

  static std::vector<OperatorSample> samples() {
    return {{{float32({3, 5})}, {}},
            {{float32({67, 33})}, {}, 1, 3},
            {{float32({7})}, {}, -9, -4},
            {{float32({})}, {}, 0, 1},
            {{float32({4})}, {}, 0, 0}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({0, 2})}, {}, "[dynamic_quantize_linear] x, was (0, 2), expected elements"},
            {{{DType::i8, Shape{2}}}, {}, "[dynamic_quantize_linear] x, was int8"}};
  }
};

}  // namespace

const Operator& dynamic_quantize_linear_operator() { return operator_row<DynamicQuantizeLinear>(); }

Arrays dynamic_quantize_linear(const Array& x) { return invoke(dynamic_quantize_linear_operator(), {}, {&x, 1}); }

}  // namespace quantick
