#include <algorithm>

#include "quantick/ops/axes.h"
#include "quantick/ops/shape/code_move.h"

namespace quantick {
namespace {

struct Concat {
  static constexpr std::string_view name = "concat", family = "shape", onnx = "Concat";
  static constexpr std::string_view summary = "Arrays of one dtype one after another along an axis.";
  static constexpr bool variadic = true;
  struct Attrs {
    int64_t axis = 0;
    static constexpr auto fields() {
      return std::make_tuple(field("axis", &Attrs::axis, "axis along which they are joined"));
    }
  };
  static std::vector<std::string> inputs() { return {"x"}; }

  static Types infer(const Attrs& attrs, const Types& in) {
    const Shape& first = in[0].shape;
    const int axis = normalize_axis(attrs.axis, first.ndim(), name);
    Shape out = first;
    out[axis] = 0;
    for (const TensorType& type : in) {
      check_same_dtype(name, "input", type, in[0].dtype);
      check_ndim(name, "input", type, first.ndim());
      for (int i = 0; i < first.ndim(); ++i)
        QTK_CHECK(i == axis || type.shape[i] == first[i], ShapeError,
                  "[concat] input, was {}, expected extent {} in axis {}", type.shape.text(), first[i], i);
      out[axis] += type.shape[axis];
    }
    return {{in[0].dtype, out}};
  }

  static Arrays forward(const Attrs& attrs, std::span<const Array> in) {
    Types types;
    for (const Array& x : in) types.push_back(x.type());
    const TensorType type = infer(attrs, types)[0];
    Array out = Array::empty(type.shape, type.dtype);
    const int axis = static_cast<int>(attrs.axis);
    int64_t at = 0;
    for (const Array& x : in) {
      out.slice(axis, at, at + x.shape()[axis]).assign(x);
      at += x.shape()[axis];
    }
    return {out};
  }

  static Arrays truth(const Attrs& attrs, std::span<const Array> in) {
    const int axis = in[0].shape().normalize_axis(static_cast<int>(attrs.axis));
    int64_t outer = 1, total = 0;
    for (int i = 0; i < axis; ++i) outer *= in[0].shape()[i];
    std::vector<double> y;
    for (int64_t o = 0; o < outer; ++o)
      for (const Array& x : in) {
        const auto v = x.to_vector<double>();
        const int64_t n = static_cast<int64_t>(v.size()) / std::max<int64_t>(outer, 1);
        y.insert(y.end(), v.begin() + o * n, v.begin() + (o + 1) * n);
      }
    for (const Array& x : in) total += x.shape()[axis];
    Shape shape = in[0].shape();
    shape[axis] = total;
    return {Array::from(y, shape)};
  }

  static Arrays gradient(const Attrs& attrs, const GradientCall& call) {
    const int axis = static_cast<int>(attrs.axis);
    Arrays out;
    int64_t at = 0;
    for (const Array& x : call.inputs) {
      out.push_back(call.output_grads[0].slice(axis, at, at + x.shape()[axis]));
      at += x.shape()[axis];
    }
    return out;
  }

  static IntegerForm integer_form() { return move_form<Concat>(kAllInputs); }

  static std::vector<OperatorSample> samples() {
    return {{{float32({2, 3}), float32({4, 3})}, to_attributes(Attrs{0})},
            {{float32({2, 3}), float32({2, 1}), float32({2, 5})}, to_attributes(Attrs{-1})},
            {{float32({2, 3, 2}), float32({2, 0, 2})}, to_attributes(Attrs{1})},
            {{float32({4, 67}), float32({4, 67})}, to_attributes(Attrs{1})},
            {{float32({3})}, to_attributes(Attrs{0})}};
  }
  static std::vector<OperatorMisuse> misuses() {
    return {{{float32({2, 3}), float32({2, 4})},
             to_attributes(Attrs{0}),
             "[concat] input, was (2, 4), expected extent 3 in axis 1"},
            {{float32({2}), {DType::f64, Shape{2}}},
             to_attributes(Attrs{0}),
             "[concat] input, was float64, expected float32"}};
  }
};

}  // namespace

const Operator& concat_operator() { return operator_row<Concat>(); }

Array concat(const Arrays& xs, int axis) {
  return invoke(concat_operator(), to_attributes(Concat::Attrs{axis}), xs).front();
}

}  // namespace quantick
