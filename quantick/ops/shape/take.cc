#include "quantick/ops/axes.h"
#include "quantick/ops/elementwise/loop.h"
#include "quantick/ops/lowering.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Take {
  static constexpr std::string_view name = "take", family = "shape", onnx = "Gather";
  static constexpr std::string_view summary =
      "Slices of x along an axis, picked by int64 or int32 indices of any shape.";
  struct Attrs {
    int64_t axis = 0;
    static constexpr auto fields() { return std::make_tuple(field("axis", &Attrs::axis, "axis that indices replace")); }
  };
  static std::vector<std::string> inputs() { return {"x", "indices"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    QTK_CHECK(in[1].dtype == DType::i64 || in[1].dtype == DType::i32, TypeError,
              "[take] indices, was {}, expected int64 or int32", dtype_name(in[1].dtype));
    const int axis = normalize_axis(attrs.axis, in[0].shape.ndim(), name);
    Shape out;
    for (int i = 0; i < axis; ++i) out.push_back(in[0].shape[i]);
    for (const int64_t extent : in[1].shape) out.push_back(extent);
    for (int i = axis + 1; i < in[0].shape.ndim(); ++i) out.push_back(in[0].shape[i]);
    return {{in[0].dtype, out}};
  }

  /// The axis as the middle one of three: [outer, n, inner].
  struct Split {
    int64_t outer = 1, n = 0, inner = 1;
    Split(const Shape& shape, int64_t axis) {
      const int a = shape.normalize_axis(static_cast<int>(axis));
      for (int i = 0; i < a; ++i) outer *= shape[i];
      for (int i = a + 1; i < shape.ndim(); ++i) inner *= shape[i];
      n = shape[a];
    }
  };

  static std::vector<int64_t> checked_indices(const Array& indices, int64_t n) {
    std::vector<int64_t> at = indices.to_vector<int64_t>();
    for (int64_t& i : at) {
      QTK_CHECK(i >= -n && i < n, IndexError, "[take] index, was {}, expected {}..{}", i, -n, n - 1);
      if (i < 0) i += n;
    }
    return at;
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    const Split split(in[0].shape(), attrs.axis);
    const auto at = checked_indices(in[1], split.n);
    const Array x = in[0].contiguous();
    Array out = Array::empty(infer(attrs, {in[0].type(), in[1].type()})[0].shape, x.dtype());
    const int64_t bytes = split.inner * dtype_size(x.dtype());
    const auto picks = static_cast<int64_t>(at.size());
    for (int64_t o = 0; o < split.outer; ++o)
      for (int64_t i = 0; i < picks; ++i)
        std::copy_n(x.raw() + (o * split.n + at[static_cast<size_t>(i)]) * bytes, bytes,
                    out.mutable_raw() + (o * picks + i) * bytes);
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const Array x = move_axis_last(in[0], static_cast<int>(attrs.axis));
    const auto v = x.to_vector<double>();
    const auto at = in[1].to_vector<int64_t>();
    const auto n = x.shape()[-1], rows = n == 0 ? 0 : x.size() / n;
    const Split split(in[0].shape(), attrs.axis);
    std::vector<double> y(static_cast<size_t>(rows) * at.size());
    for (int64_t r = 0; r < rows; ++r)
      for (size_t i = 0; i < at.size(); ++i) {
        const int64_t o = r / split.inner, k = r % split.inner;
        y[(static_cast<size_t>(o) * at.size() + i) * static_cast<size_t>(split.inner) + static_cast<size_t>(k)] =
            v[static_cast<size_t>(r * n + (at[i] < 0 ? at[i] + n : at[i]))];
      }
    return {Array::from(y, infer(attrs, {in[0].type(), {DType::i64, in[1].shape()}})[0].shape)};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const Array& x = call.inputs[0];
    const Split split(x.shape(), attrs.axis);
    const auto at = checked_indices(call.inputs[1], split.n);
    const Array d = call.output_grads[0].contiguous();
    Array out = Array::zeros(x.shape(), x.dtype());
    const auto picks = static_cast<int64_t>(at.size());
    visit_float(x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = d.data<T>();
      T* to = out.mutable_data<T>();
      for (int64_t o = 0; o < split.outer; ++o)
        for (int64_t i = 0; i < picks; ++i)
          for (int64_t k = 0; k < split.inner; ++k)
            to[(o * split.n + at[static_cast<size_t>(i)]) * split.inner + k] += from[(o * picks + i) * split.inner + k];
    });
    return {out, Array()};
  }

  /// Constant indices along a channel axis.
  static IntegerForm integer_form() {
    IntegerForm form = move_form<Take>();
    form.lower = [](const LowerCall& call) -> std::vector<NamedArray> {
      return {{"indices", parameter_of(call, 0).astype(DType::i64)}};
    };
    form.prepare = [](const PrepareCall& call) {
      return prepare_move<Take>(call, from_attributes<Attrs>(*call.attributes, name), {call.constant("indices")});
    };
    return form;
  }

  static std::vector<OperatorSample> samples() {
    const auto index = [](const Shape& shape) { return TensorType{DType::i64, shape}; };
    return {{{float32({3, 5}), index({4})}, to_attributes(Attrs{0})},
            {{float32({3, 5, 2}), index({2, 3})}, to_attributes(Attrs{1})},
            {{float32({6}), index({})}, to_attributes(Attrs{0})},
            {{float32({3, 4}), index({0})}, to_attributes(Attrs{-1})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({3}), float32({2})}, to_attributes(Attrs{0}), "[take] indices, was float32, expected int64"}};
  }
};

}  // namespace

const Operator& take_operator() { return operator_row<Take>(); }

Array take(const Array& x, const Array& indices, int axis) {
  return invoke1(take_operator(), to_attributes(Take::Attrs{axis}), {x, indices});
}

}  // namespace quantick
