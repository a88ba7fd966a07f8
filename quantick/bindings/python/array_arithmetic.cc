// NDArray's operators: arithmetic and comparison go through the registry; logic of masks is NumPy's.
#include <array>
#include <string>

#include "quantick/autograd/autograd.h"
#include "quantick/bindings/python/array.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/ops/ops.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using Binary = Array (*)(const Array&, const Array&);

nb::object not_implemented() { return nb::borrow(Py_NotImplemented); }

/// Lists and texts are no arrays; Python then asks the other side, and says so itself where that is of no help.
template <Binary function, bool reflected>
nb::object binary(const Array& x, nb::handle other) {
  const auto y = try_array_of(other);
  if (!y) return not_implemented();
  check_numbers(std::array{x, *y});
  return nb::cast(unlocked([&] { return reflected ? function(*y, x) : function(x, *y); }));
}

template <Binary function>
nb::object compare(const Array& x, nb::handle other) {
  const auto given = try_array_of(other);
  if (!given) return not_implemented();
  // Every whole number can be compared, whether or not the array's dtype holds it: a copy is no weak scalar.
  const bool number = given->is_weak_scalar() && !is_float(given->dtype()) && !is_float(x.dtype());
  const Array y = number ? given->copy() : *given;
  return nb::cast(unlocked([&] { return function(x, y); }));
}

/// x += other: into x's own memory.
template <Binary function>
nb::object in_place(nb::handle self, nb::handle other) {
  Array x = nb::cast<Array>(self);
  const auto y = try_array_of(other);
  if (!y) return not_implemented();
  check_numbers(std::array{x, *y});
  check_values_are_free(x);
  QTK_CHECK(!autograd::is_recorded(x), ValueError,
            "[array] in-place arithmetic on a recorded array of shape {}, expected x = x + y under autograd.record()",
            x.shape().text());
  const Array result = unlocked([&] { return function(x, *y); });
  QTK_CHECK(is_float(x.dtype()) || !is_float(result.dtype()), TypeError,
            "[array] in-place arithmetic of {} with a result of {}, expected no loss: use astype() and x = x + y",
            dtype_name(x.dtype()), dtype_name(result.dtype()));
  x.assign(result);
  return nb::borrow(self);
}

/// a / b of whole numbers is float64, as in NumPy.
Array true_divide(const Array& a, const Array& b) {
  const auto whole = [](const Array& x) { return !is_float(x.dtype()); };
  return whole(a) && whole(b) ? divide(cast(a, DType::f64), cast(b, DType::f64)) : divide(a, b);
}

/// a @ b: a vector on the left is a row, on the right a column, and its axis is not in the result.
Array matrix_product(const Array& a, const Array& b) {
  const bool row = a.ndim() == 1, column = b.ndim() == 1;
  Array y = matmul(row ? expand_dims(a, 0) : a, column ? expand_dims(b, 1) : b);
  if (column) y = squeeze(y, -1);
  return row ? squeeze(y, column ? -1 : -2) : y;
}

/// The operators take floats; whole numbers go through those that take both.
Array negated(const Array& x) { return is_float(x.dtype()) ? negative(x) : subtract(0, x); }
Array magnitude(const Array& x) { return is_float(x.dtype()) ? quantick::abs(x) : maximum(x, subtract(0, x)); }

/// Masks and whole numbers, by NumPy: no gradient flows through them.
template <size_t kind>
nb::object logic(const Array& x, nb::handle other) {
  constexpr const char* kNames[] = {"bitwise_and", "bitwise_or", "bitwise_xor"};
  const bool array = nb::isinstance<Array>(other);
  check_values_are_free(x);
  if (!array && !try_array_of(other)) return not_implemented();
  const nb::object against = array ? numpy_view(nb::cast<Array>(other)) : nb::borrow(other);
  return nb::cast(array_of(nb::module_::import_("numpy").attr(kNames[kind])(numpy_view(x), against)));
}

const Array& only_element(const Array& x) {
  check_values_are_free(x);
  QTK_CHECK(x.size() == 1, ValueError,
            "[array] value of {} elements, expected one: compare whole arrays by min(), max()", x.size());
  return x;
}

nb::object as_index(const Array& x) {
  QTK_CHECK(x.ndim() == 0 && !is_float(x.dtype()) && x.dtype() != DType::boolean, TypeError,
            "[array] index of {}, expected a whole number without axes", x.type().text());
  return nb::cast(x).attr("item")();
}

template <Binary function>
void bind_binary(nb::class_<Array>& c, const std::string& name) {
  const auto define = [&](const std::string& full, auto f) {
    c.def(full.c_str(), f, "other"_a.none(),
          nb::sig(("def " + full + "(self, other: typing.Any, /) -> NDArray").c_str()));
  };
  define("__" + name + "__", &binary<function, false>);
  define("__r" + name + "__", &binary<function, true>);
  define("__i" + name + "__", &in_place<function>);
}

template <Binary function>
void bind_compare(nb::class_<Array>& c, const std::string& name) {
  c.def(name.c_str(), &compare<function>, "other"_a.none(),
        nb::sig(("def " + name + "(self, other: typing.Any, /) -> NDArray").c_str()));
}

template <size_t kind>
void bind_logic(nb::class_<Array>& c, const std::string& name) {
  for (const std::string& full : {"__" + name + "__", "__r" + name + "__"})
    c.def(full.c_str(), &logic<kind>, "other"_a.none(),
          nb::sig(("def " + full + "(self, other: typing.Any, /) -> NDArray").c_str()));
}

}  // namespace

void bind_arithmetic(nb::class_<Array>& c) {
  bind_binary<add>(c, "add");
  bind_binary<subtract>(c, "sub");
  bind_binary<multiply>(c, "mul");
  bind_binary<true_divide>(c, "truediv");
  bind_binary<power>(c, "pow");
  bind_binary<matrix_product>(c, "matmul");
  bind_compare<equal>(c, "__eq__");
  bind_compare<not_equal>(c, "__ne__");
  bind_compare<less>(c, "__lt__");
  bind_compare<less_equal>(c, "__le__");
  bind_compare<greater>(c, "__gt__");
  bind_compare<greater_equal>(c, "__ge__");
  bind_logic<0>(c, "and");
  bind_logic<1>(c, "or");
  bind_logic<2>(c, "xor");
  c.def("__invert__",
        [](const Array& x) {
          check_values_are_free(x);
          return array_of(nb::module_::import_("numpy").attr("invert")(numpy_view(x)));
        })
      .def("__neg__", [](const Array& x) { return unlocked([&] { return negated(x); }); })
      .def("__pos__", [](const Array& x) { return x; })
      .def("__abs__", [](const Array& x) { return unlocked([&] { return magnitude(x); }); })
      .def("__bool__", [](const Array& x) { return only_element(x).item() != 0; })
      .def("__float__", [](const Array& x) { return only_element(x).item(); })
      .def("__int__", [](const Array& x) { return nb::int_(nb::cast(only_element(x)).attr("item")()); })
      .def("__index__", &as_index, nb::sig("def __index__(self) -> int"));
}

}  // namespace quantick::python
