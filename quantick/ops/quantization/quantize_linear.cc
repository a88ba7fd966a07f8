#include <algorithm>
#include <cmath>

#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/quantization/code_type.h"
#include "quantick/ops/quantization/granularity.h"

namespace quantick {
namespace {

struct QuantizeLinear {
  static constexpr std::string_view name = "quantize_linear", family = "quantization", onnx = "QuantizeLinear";
  static constexpr std::string_view summary =
      "Codes sat(round(x / scale) + zero_point), ties to even. Float codes are held as their values in float32, uint16 "
      "in int32.";
  static constexpr int optional_inputs = 1;
  struct Attrs {
    std::string dtype = "uint8";
    int64_t axis = 1, block_size = 0;
    bool saturate = true;
    static constexpr auto fields() {
      return std::make_tuple(
          field("dtype", &Attrs::dtype,
                "type of the codes: int2, uint2, int4, uint4, int8, uint8, int16, uint16, float8e4m3fn, float8e5m2, "
                "float8e4m3fnuz, float8e5m2fnuz, float6e2m3, float6e3m2, float4e2m1"),
          field("axis", &Attrs::axis, "of the scales, unless there is one for all"),
          field("block_size", &Attrs::block_size, "elements along the axis that share a scale; 0: scale is [extent]"),
          field("saturate", &Attrs::saturate, "float8 codes stay finite; else NaN or infinity past the largest"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "scale", "zero_point"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    const CodeType& type = find_code_type(attrs.dtype, name);
    check_float(name, "x", in[0]);
    check_same_dtype(name, "scale", in[1], in[0].dtype);
    Granularity(name, in[0].shape, in[1].shape, attrs.axis, attrs.block_size);
    if (in.size() > 2 && !is_absent(in[2])) {
      if (type.integer())
        check_same_dtype(name, "zero_point", in[2], type.dtype);
      else
        check_float(name, "zero_point", in[2]);
      QTK_CHECK(in[2].shape == in[1].shape, ShapeError, "[quantize_linear] zero_point, was {}, expected {} as scale",
                in[2].shape.text(), in[1].shape.text());
    }
    return {{type.dtype, in[0].shape}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const CodeType& type = find_code_type(attrs.dtype, name);
    const Granularity scale_of(name, in[0].shape(), in[1].shape(), attrs.axis, attrs.block_size);
    const Array x = in[0].contiguous(), scale = in[1].contiguous();
    const bool shifted = in.size() > 2 && in[2].defined();
    const Array zero = shifted ? in[2].astype(type.integer() ? DType::i32 : x.dtype()).contiguous() : Array();
    Array codes = Array::empty(x.shape(), type.integer() ? DType::i32 : DType::f32);
    visit_float(x.dtype(), [&](auto of_type) {
      using T = decltype(of_type);
      const T *v = x.data<T>(), *s = scale.data<T>();
      for (int64_t i = 0; i < scale.size(); ++i)
        QTK_CHECK(s[i] > 0 && std::isfinite(s[i]), ValueError, "[quantize_linear] scale, was {}, expected > 0", s[i]);
      if (type.integer()) {
        const int32_t* z = shifted ? zero.data<int32_t>() : nullptr;
        auto* q = codes.mutable_data<int32_t>();
        parallel_ranges(x.size(), kElementwiseGrain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t k = scale_of(i);
            q[i] = round_to_integer_code(v[i] / s[k], z == nullptr ? 0 : z[k], type.low, type.high);
          }
        });
      } else {
        const T* z = shifted ? zero.data<T>() : nullptr;
        auto* q = codes.mutable_data<float>();
        parallel_ranges(x.size(), kElementwiseGrain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t k = scale_of(i);
            const T value = v[i] / s[k] + (z == nullptr ? T(0) : z[k]);
            q[i] = static_cast<float>(round_to_float_code(value, type, attrs.saturate));
          }
        });
      }
    });
    return {codes.astype(type.dtype)};
  }

  /// Searches the nearest code among all of them.
  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const CodeType& type = find_code_type(attrs.dtype, name);
    const auto x = in[0].to_vector<double>(), s = in[1].to_vector<double>();
    auto z = in.size() > 2 && in[2].defined() ? in[2].to_vector<double>() : std::vector<double>(s.size());
    std::vector<double> y;
    const int axis = s.size() == 1 ? 0 : in[0].shape().normalize_axis(static_cast<int>(attrs.axis));
    const Shape strides = row_major_strides(in[0].shape());
    for (size_t i = 0; i < x.size(); ++i) {
      size_t k = 0;
      int64_t rest = static_cast<int64_t>(i);
      for (int d = 0; s.size() > 1 && d < strides.ndim(); ++d) {
        int64_t index = rest / strides[d];
        rest %= strides[d];
        if (attrs.block_size == 0 && d != axis) continue;
        if (attrs.block_size > 0 && d == axis) index /= attrs.block_size;
        k = k * static_cast<size_t>(in[1].shape()[attrs.block_size > 0 ? d : 0]) + static_cast<size_t>(index);
      }
      const double v = x[i] / s[k] + z[k];
      if (type.integer()) {
        y.push_back(std::clamp(std::nearbyint(v), double{0} + type.low, double{0} + type.high));
        continue;
      }
      double best = 0;
      for (int e = type.least_exponent; std::ldexp(1.0, e) <= type.largest; ++e)
        for (int m = -(2 << type.mantissa); m <= 2 << type.mantissa; ++m) {
          const double code = std::ldexp(m, e - type.mantissa);
          if (std::abs(code) <= type.largest && std::abs(code - v) < std::abs(best - v)) best = code;
        }
      y.push_back(best);
    }
    return {Array::from(y, in[0].shape())};
  }

  static std::vector<OperatorSample> samples() {
    const auto sample = [](const char* code, DType zero, const Shape& x, const Shape& scale, int64_t axis,
                           int64_t block) -> OperatorSample {
      return {{float32(x), float32(scale), {zero, scale}}, to_attributes(Attrs{code, axis, block, true}), 0.5, 90};
    };
    std::vector<OperatorSample> out = {{{float32({3, 5}), float32({})}, to_attributes(Attrs{}), 0.5, 200},
                                       sample("uint8", DType::u8, {2, 3, 5}, {3}, 1, 0),
                                       sample("int8", DType::i8, {67, 33}, {33}, -1, 0),
                                       sample("int4", DType::i8, {3, 7, 2}, {3, 4, 2}, 1, 2),
                                       sample("uint4", DType::u8, {6, 2}, {2, 2}, 0, 4),
                                       sample("int2", DType::i8, {4, 5}, {1}, 0, 0),
                                       sample("uint2", DType::u8, {4, 5}, {4}, 0, 0),
                                       sample("int16", DType::i16, {4, 5}, {}, 1, 0),
                                       sample("uint16", DType::i32, {4, 5}, {5}, 1, 0),
                                       sample("int8", DType::i8, {0, 5}, {5}, 1, 0)};
    for (const char* code :
         {"float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float6e2m3", "float6e3m2", "float4e2m1"})
      out.push_back({{float32({9, 30}), float32({30})}, to_attributes(Attrs{code, 1, 0, true}), 0.01, 20});
    return out;
  }
  static std::vector<OperatorMisuse> misuses() {
    const Attributes plain = to_attributes(Attrs{});
    return {{{float32({2, 3}), float32({2})},
             plain,
             "[quantize_linear] scale, was (2,), expected (3,) for x (2, 3) along axis 1"},
            {{float32({2, 3}), float32({2, 3})},
             to_attributes(Attrs{"uint8", 1, 2, true}),
             "[quantize_linear] scale, was (2, 3), expected (2, 2)"},
            {{float32({2, 3}), float32({}), {DType::i8, Shape{}}},
             plain,
             "[quantize_linear] zero_point, was int8, expected uint8"},
            {{float32({2, 3}), float32({}), {DType::u8, Shape{1}}},
             plain,
             "[quantize_linear] zero_point, was (1,), expected () as scale"},
            {{float32({2}), float32({})},
             to_attributes(Attrs{"int3", 1, 0, true}),
             "[quantize_linear] dtype, was \"int3\""},
            {{{DType::i32, Shape{2}}, float32({})}, plain, "[quantize_linear] x, was int32"},
            {{float32({2, 0}), float32({0}), {DType::u8, Shape{1}}}, plain, "[quantize_linear] zero_point, was (1,)"}};
  }
};

}  // namespace

const Operator& quantize_linear_operator() { return operator_row<QuantizeLinear>(); }

Array quantize_linear(const Array& x, const Array& scale, const Array& zero_point, const std::string& dtype, int axis,
                      int64_t block_size, bool saturate) {
  const Attributes attributes = to_attributes(QuantizeLinear::Attrs{dtype, axis, block_size, saturate});
  if (!zero_point.defined()) return invoke1(quantize_linear_operator(), attributes, {x, scale});
  return invoke1(quantize_linear_operator(), attributes, {x, scale, zero_point});
}

}  // namespace quantick
