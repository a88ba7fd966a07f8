// NDArray's methods. Those that compute call operators, so that gradients and traces follow.
#include <nanobind/stl/optional.h>

#include "quantick/bindings/python/array.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/ops/axes.h"
#include "quantick/ops/ops.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// x.reshape(2, 3), x.reshape((2, 3)), x.transpose(1, 0), ...
Shape spread(const nb::args& given) {
  if (given.size() == 1 && !PyIndex_Check(nb::handle(given[0]).ptr())) return shape_of(given[0]);
  return shape_of(given);
}

/// None, an axis, or several.
std::vector<int64_t> axes_of(nb::handle axis) {
  return axis.is_none() ? std::vector<int64_t>() : shape_of(axis).to_vector();
}

/// A copy under autograd.record() is an operator call too: gradients flow through it.
Array copy(const Array& x) {
  const bool number = is_float(x.dtype()) && recording();
  return number ? multiply(x, Array::ones({}, x.dtype())) : x.copy();
}

Array astype(const Array& x, DType dtype, bool copies) {
  if (x.dtype() == dtype) return copies ? copy(x) : x;
  return cast(x, dtype);
}

using Reduction = Array (*)(const Array&, const std::vector<int64_t>&, bool);
enum class Whole { stays, int64, float64 };

/// Operators reduce floats; whole numbers and masks go through float64, which holds them exactly up to 2^53.
template <Reduction function, Whole whole>
Array reduce(const Array& given, nb::handle axis, bool keepdims, nb::handle out, std::optional<DType> dtype) {
  // numpy.sum(x) and its like pass their own `out` and `dtype` on.
  QTK_CHECK(out.is_none(), TypeError, "[array] out, was a {}, expected None: results are new arrays",
            nb::type_name(out.type()).c_str());
  const Array x = dtype ? astype(given, *dtype, false) : given;
  // No axes at all: NumPy reduces nothing, while the operators take an empty list for every axis.
  const bool nothing = !axis.is_none() && !PyIndex_Check(axis.ptr()) && nb::len(axis) == 0;
  const std::vector<int64_t> axes = axes_of(axis);
  return unlocked([&] {
    if (is_float(x.dtype())) return nothing ? identity(x) : function(x, axes, keepdims);
    const Array wide = cast(x, DType::f64);
    const Array result = nothing ? wide : function(wide, axes, keepdims);
    if (whole == Whole::float64) return result;
    return cast(result, whole == Whole::int64 ? DType::i64 : x.dtype());
  });
}

template <Reduction function, Whole whole>
void bind_reduction(nb::class_<Array>& c, const char* name, const char* doc) {
  // The largest and the smallest value have no sum, whose precision dtype= could set.
  constexpr bool sums = whole != Whole::stays;
  const std::string signature =
      std::string("def ") + name +
      "(self, axis: int | typing.Sequence[int] | None = None, keepdims: bool = False, out: None = None" +
      (sums ? ", dtype: typing.Any = None) -> NDArray" : ") -> NDArray");
  if constexpr (sums)
    c.def(name, &reduce<function, whole>, "axis"_a = nb::none(), "keepdims"_a = false, "out"_a = nb::none(),
          "dtype"_a = nb::none(), nb::sig(signature.c_str()), doc);
  else
    c.def(
        name,
        [](const Array& x, nb::handle axis, bool keepdims, nb::handle out) {
          return reduce<function, whole>(x, axis, keepdims, out, std::nullopt);
        },
        "axis"_a = nb::none(), "keepdims"_a = false, "out"_a = nb::none(), nb::sig(signature.c_str()), doc);
}

template <Array (*function)(const Array&)>
void bind_unary(nb::class_<Array>& c, const char* name, const char* doc) {
  c.def(
      name, [](const Array& x) { return unlocked([&] { return function(x); }); }, doc);
}

Array squeezed(const Array& x, nb::handle axis) {
  std::vector<int64_t> gone = axes_of(axis);
  for (int i = 0; axis.is_none() && i < x.ndim(); ++i)
    if (x.shape()[i] == 1) gone.push_back(i);
  if (gone.empty()) return x;
  const std::vector<int> axes = normalize_axes(gone, x.ndim(), "squeeze");
  Array out = x;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) out = squeeze(out, *axis);
  return out;
}

Array swapped(const Array& x, int a, int b) {
  std::vector<int64_t> axes(static_cast<size_t>(x.ndim()));
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
  std::swap(axes[static_cast<size_t>(x.shape().normalize_axis(a))],
            axes[static_cast<size_t>(x.shape().normalize_axis(b))]);
  return transpose(x, axes);
}

void bind_shapes(nb::class_<Array>& c) {
  c.def_prop_ro(
       "T", [](const Array& x) { return transpose(x); }, "Axes in reversed order; a view.")
      .def(
          "reshape", [](const Array& x, const nb::args& shape) { return quantick::reshape(x, spread(shape)); },
          nb::sig("def reshape(self, *shape: int | typing.Sequence[int]) -> NDArray"),
          "The same elements in another shape: reshape(2, 3) or reshape((2, 3)); one extent may be -1, and 0 copies "
          "the "
          "extent of its axis, as in MXNet. A view where this array is contiguous.")
      .def(
          "transpose",
          [](const Array& x, const nb::args& axes) {
            const bool reversed = axes.size() == 0 || (axes.size() == 1 && nb::handle(axes[0]).is_none());
            return transpose(x, reversed ? std::vector<int64_t>() : spread(axes).to_vector());
          },
          nb::sig("def transpose(self, *axes: int | typing.Sequence[int] | None) -> NDArray"),
          "Axes in another order, reversed where none are given; a view.")
      .def("swapaxes", &swapped, "axis1"_a, "axis2"_a, "Two axes exchanged; a view.")
      .def(
          "flatten", [](const Array& x) { return quantick::reshape(x, {-1}); },
          "One axis, as in NumPy; quantick.nd.flatten keeps the first axis, as in Gluon.")
      .def("squeeze", &squeezed, "axis"_a = nb::none(),
           nb::sig("def squeeze(self, axis: int | typing.Sequence[int] | None = None) -> NDArray"),
           "Without axes of extent 1; a view.")
      .def(
          "expand_dims", [](const Array& x, int axis) { return expand_dims(x, axis); }, "axis"_a,
          "With a new axis of extent 1; a view.")
      .def(
          "broadcast_to", [](const Array& x, const Shape& shape) { return broadcast_to(x, shape); }, "shape"_a,
          nb::sig("def broadcast_to(self, shape: int | typing.Sequence[int]) -> NDArray"), "Repeated; a view.");
}

}  // namespace

void bind_methods(nb::class_<Array>& c) {
  bind_shapes(c);
  c.def("copy", &copy, "A contiguous copy.")
      .def("astype", &astype, "dtype"_a, "copy"_a = true,
           nb::sig("def astype(self, dtype: typing.Any, copy: bool = True) -> NDArray"),
           "Converted; float to whole numbers saturates, and NaN becomes 0.")
      .def(
          "argmax",
          [](const Array& x, nb::handle axis) {
            const Array floats = is_float(x.dtype()) ? x : cast(x, DType::f64);
            return axis.is_none() ? argmax(quantick::reshape(floats, {-1}), 0)
                                  : argmax(floats, normalize_axis(nb::cast<int64_t>(axis), x.ndim(), "argmax"));
          },
          "axis"_a = nb::none(), nb::sig("def argmax(self, axis: int | None = None) -> NDArray"),
          "Index (int64) of the first largest value, along an axis or of all elements.")
      .def(
          "clip", [](const Array& x, double low, double high) { return clip(x, low, high); }, "a_min"_a, "a_max"_a,
          "min(max(x, a_min), a_max).")
      .def(
          "dot",
          [](nb::handle x, nb::handle other) {
            nb::object y = nb::steal(PyNumber_MatrixMultiply(x.ptr(), other.ptr()));
            if (!y.is_valid()) throw nb::python_error();
            return y;
          },
          "other"_a, nb::sig("def dot(self, other: typing.Any) -> NDArray"), "The matrix product, x @ other.")
      .def(
          "take", [](const Array& x, nb::handle indices, int axis) { return take(x, array_of(indices), axis); },
          "indices"_a, "axis"_a = 0, nb::sig("def take(self, indices: typing.Any, axis: int = 0) -> NDArray"),
          "Slices along an axis, by whole numbers of any shape.")
      .def(
          "softmax", [](const Array& x, int axis) { return softmax(x, axis); }, "axis"_a = -1)
      .def(
          "log_softmax", [](const Array& x, int axis) { return log_softmax(x, axis); }, "axis"_a = -1);
  bind_reduction<sum, Whole::int64>(c, "sum", "The sum over axes, all where axis is None.");
  bind_reduction<mean, Whole::float64>(c, "mean", "The mean over axes, all where axis is None.");
  bind_reduction<max, Whole::stays>(c, "max", "The largest value over axes; NaN where there is one.");
  bind_reduction<min, Whole::stays>(c, "min", "The smallest value over axes; NaN where there is one.");
  bind_unary<abs>(c, "abs", "|x|.");
  bind_unary<sign>(c, "sign", "-1, 0 or 1.");
  bind_unary<exp>(c, "exp", "e to the power x.");
  bind_unary<log>(c, "log", "The natural logarithm.");
  bind_unary<sqrt>(c, "sqrt", "The square root.");
  bind_unary<square>(c, "square", "x * x.");
  bind_unary<relu>(c, "relu", "max(x, 0).");
  bind_unary<sigmoid>(c, "sigmoid", "1 / (1 + exp(-x)).");
  bind_unary<tanh>(c, "tanh", "The hyperbolic tangent.");
}

}  // namespace quantick::python
