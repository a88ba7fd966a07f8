#include "quantick/ops/define.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/quantization/granularity.h"

namespace quantick {
namespace {

struct DequantizeLinear {
  static constexpr std::string_view name = "dequantize_linear", family = "quantization", onnx = "DequantizeLinear";
  static constexpr std::string_view summary =
      "(x - zero_point) * scale in the scale's dtype: x holds codes as quantize_linear gives them, or int32 sums.";
  static constexpr int optional_inputs = 1;
  struct Attrs {
    int64_t axis = 1, block_size = 0;
    static constexpr auto fields() {
      return std::make_tuple(
          field("axis", &Attrs::axis, "of the scales, unless there is one for all"),
          field("block_size", &Attrs::block_size, "elements along the axis that share a scale; 0: scale is [extent]"));
    }
  };
  static std::vector<std::string> inputs() { return {"x", "scale", "zero_point"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    QTK_CHECK(in[0].dtype != DType::i64 && in[0].dtype != DType::boolean, TypeError,
              "[dequantize_linear] x, was {}, expected int8, uint8, int16, int32 or float codes",
              dtype_name(in[0].dtype));
    check_float(name, "scale", in[1]);
    Granularity(name, in[0].shape, in[1].shape, attrs.axis, attrs.block_size);
    if (in.size() > 2 && !is_absent(in[2])) {
      check_same_dtype(name, "zero_point", in[2], in[0].dtype);
      QTK_CHECK(in[2].shape == in[1].shape, ShapeError, "[dequantize_linear] zero_point, was {}, expected {} as scale",
                in[2].shape.text(), in[1].shape.text());
    }
    return {{in[1].dtype, in[0].shape}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Granularity scale_of(name, in[0].shape(), in[1].shape(), attrs.axis, attrs.block_size);
    // Differences of integers are exact in 64 bits and become floats with one rounding.
    const bool integer = !is_float(in[0].dtype());
    const DType working = integer ? DType::i64 : in[1].dtype();
    const Array x = in[0].astype(working).contiguous(), scale = in[1].contiguous();
    const bool shifted = in.size() > 2 && in[2].defined();
    const Array zero = shifted ? in[2].astype(working).contiguous() : Array();
    Array out = Array::empty(x.shape(), scale.dtype());
    visit_float(scale.dtype(), [&](auto of_scale) {
      using T = decltype(of_scale);
      const T* s = scale.data<T>();
      T* y = out.mutable_data<T>();
      const auto run = [&](auto of_code) {
        using C = decltype(of_code);
        const C *q = x.data<C>(), *z = shifted ? zero.data<C>() : nullptr;
        parallel_ranges(x.size(), kElementwiseGrain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t k = scale_of(i);
            y[i] = static_cast<T>(q[i] - (z == nullptr ? C(0) : z[k])) * s[k];
          }
        });
      };
      if (integer)
        run(int64_t{});
      else
        run(T{});
    });
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Shape& shape = in[0].shape();
    // Scales as long as x: repeated along the axis, then broadcast.
    const auto widen = [&](const Array& scale) {
      if (scale.size() == 1) return std::vector<double>(static_cast<size_t>(shape.size()), scale.item());
      const int axis = shape.normalize_axis(static_cast<int>(attrs.axis));
      if (attrs.block_size == 0) {
        Shape column = shape;
        for (int d = 0; d < column.ndim(); ++d)
          if (d != axis) column[d] = 1;
        return values_as(scale.reshape(column), shape);
      }
      Shape split = scale.shape();
      split.insert(axis + 1, 1);
      Shape repeated = split;
      repeated[axis + 1] = attrs.block_size;
      Shape joined = scale.shape();
      joined[axis] *= attrs.block_size;
      return scale.reshape(split)
          .broadcast_to(repeated)
          .copy()
          .reshape(joined)
          .slice(axis, 0, shape[axis])
          .to_vector<double>();
    };
    const auto x = in[0].to_vector<double>(), s = widen(in[1]);
    const auto z = in.size() > 2 && in[2].defined() ? widen(in[2]) : std::vector<double>(x.size());
    std::vector<double> y;
    for (size_t i = 0; i < x.size(); ++i) y.push_back((x[i] - z[i]) * s[i]);
    return {Array::from(y, shape)};
  }

  static std::vector<OperatorSample> samples() {
    const auto sample = [](DType code, const Shape& x, const Shape& scale, int64_t axis,
                           int64_t block) -> OperatorSample {
      return {{{code, x}, float32(scale), {code, scale}}, to_attributes(Attrs{axis, block}), 0.5, 100};
    };
    return {{{{DType::u8, Shape{3, 5}}, float32({})}, to_attributes(Attrs{}), 0.5, 200},
            sample(DType::u8, {2, 3, 5}, {3}, 1, 0),
            sample(DType::i8, {67, 33}, {33}, -1, 0),
            sample(DType::i8, {3, 7, 2}, {3, 4, 2}, 1, 2),
            sample(DType::i16, {6, 2}, {2, 2}, 0, 4),
            sample(DType::i32, {4, 5}, {1}, 0, 0),
            sample(DType::f32, {4, 5}, {5}, 1, 0),
            sample(DType::i8, {0, 5}, {5}, 1, 0)};
  }
  static std::vector<OperatorMisuse> misuses() {
    const Attributes plain = to_attributes(Attrs{});
    const TensorType codes{DType::i8, Shape{2, 3}};
    return {
        {{codes, float32({2})}, plain, "[dequantize_linear] scale, was (2,), expected (3,)"},
        {{codes, float32({}), {DType::u8, Shape{}}}, plain, "[dequantize_linear] zero_point, was uint8, expected int8"},
        {{codes, float32({3}), {DType::i8, Shape{}}}, plain, "[dequantize_linear] zero_point, was (), expected (3,)"},
        {{{DType::i64, Shape{2}}, float32({})}, plain, "[dequantize_linear] x, was int64"},
        {{codes, float32({3})}, to_attributes(Attrs{1, -1}), "[dequantize_linear] block_size, was -1"}};
  }
};

}  // namespace

const Operator& dequantize_linear_operator() { return operator_row<DequantizeLinear>(); }

Array dequantize_linear(const Array& x, const Array& scale, const Array& zero_point, int axis, int64_t block_size) {
  const Attributes attributes = to_attributes(DequantizeLinear::Attrs{axis, block_size});
  if (!zero_point.defined()) return invoke1(dequantize_linear_operator(), attributes, {x, scale});
  return invoke1(dequantize_linear_operator(), attributes, {x, scale, zero_point});
}

}  // namespace quantick
