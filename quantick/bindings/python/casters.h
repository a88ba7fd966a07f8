#pragma once
// How values cross: shapes as tuples, dtypes by NumPy's names, attributes as keyword arguments, arrays by handle.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/ops/operator.h"
#include "quantick/tensor/array.h"

namespace quantick::python {

/// "float32", np.float32, np.dtype("float32"), float, ... Throws TypeError for what is no dtype.
DType dtype_of(nanobind::handle value);

/// NumPy's name, as a text that equals NumPy's types too (quantick._dtype).
nanobind::object dtype_text(DType dtype);

/// An extent, or a sequence of them. Throws TypeError.
Shape shape_of(nanobind::handle value);

nanobind::tuple tuple_of(const Shape& shape);

/// Keyword arguments in the form that rows, optimizers and losses take; None values are left out. Throws TypeError that
/// names the argument.
Attributes attributes_of(const nanobind::dict& values);
nanobind::object value_of(const AttributeValue& value);

/// One attribute of a row, as the type that its default has. Throws TypeError that names it.
AttributeValue attribute_of(const AttributeInfo& info, std::string_view who, nanobind::handle value);

/// The memory of a NumPy array, or of anything with __dlpack__ or a buffer, without a copy; read-only where it is.
/// Python numbers become weak scalars, which take the dtype of what they meet. Throws TypeError that names the kind and
/// dtype of what cannot be an array, ValueError for memory that is not aligned, OverflowError for whole numbers beyond
/// int64.
Array array_of(nanobind::handle value);

/// The same; nothing where the value is no array and no number at all, so that the other side of a Python operator may
/// take over.
std::optional<Array> try_array_of(nanobind::handle value);

/// The array's memory as a NumPy array, shared; read-only where the array is.
nanobind::object numpy_view(const Array& array);

/// Throws OverflowError, as NumPy does, where a Python number is beyond the whole numbers of the arrays it meets.
void check_numbers(std::span<const Array> inputs);

/// array_of() of each; None is an undefined array.
Arrays arrays_of(const nanobind::iterable& values);

}  // namespace quantick::python

namespace nanobind::detail {

template <>
struct type_caster<quantick::Shape> {
  NB_TYPE_CASTER(quantick::Shape, io_name("int | typing.Sequence[int]", "tuple[int, ...]"))
  bool from_python(handle source, uint8_t, cleanup_list*) {
    value = quantick::python::shape_of(source);
    return true;
  }
  static handle from_cpp(const quantick::Shape& shape, rv_policy, cleanup_list*) {
    return quantick::python::tuple_of(shape).release();
  }
};

template <>
struct type_caster<quantick::DType> {
  NB_TYPE_CASTER(quantick::DType, io_name("typing.Any", "str"))
  bool from_python(handle source, uint8_t, cleanup_list*) {
    value = quantick::python::dtype_of(source);
    return true;
  }
  static handle from_cpp(quantick::DType dtype, rv_policy, cleanup_list*) {
    return quantick::python::dtype_text(dtype).release();
  }
};

}  // namespace nanobind::detail
