// NDArray: the class, its memory as NumPy and DLPack see it, indexing and arithmetic.
#include "quantick/tensor/array.h"

#include <nanobind/ndarray.h>
#include <nanobind/operators.h>
#include <nanobind/stl/optional.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/core/error.h"
#include "quantick/ops/ops.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

nb::dlpack::dtype dlpack_dtype(DType dtype) {
  return visit_dtype(dtype, [](auto zero) { return nb::dtype<decltype(zero)>(); });
}

/// The array's own memory as an nb::ndarray of the asked framework; the array's handle keeps it alive.
template <class... Kind>
nb::ndarray<Kind...> exported(const Array& array) {
  auto* handle = new Array(array);
  nb::capsule owner(handle, [](void* kept) noexcept { delete static_cast<Array*>(kept); });
  const Shape &shape = array.shape(), &strides = array.strides();
  std::vector<size_t> extents(shape.begin(), shape.end());
  void* const data = const_cast<std::byte*>(array.raw());
  return nb::ndarray<Kind...>(data, extents.size(), extents.data(), owner, strides.begin(),
                              dlpack_dtype(array.dtype()));
}

nb::object numpy_view(const Array& array) {
  if (array.is_writable()) return nb::cast(exported<nb::numpy>(array), nb::rv_policy::reference);
  return nb::cast(exported<nb::numpy, nb::ro>(array), nb::rv_policy::reference);
}

}  // namespace

void bind_array(nb::module_& m) {
  nb::class_<Array>(m, "NDArray", nb::is_weak_referenceable(),
                    "Typed, strided memory with a gradient slot. Operators and views never copy what they can share.")
      .def_prop_ro(
          "shape", [](const Array& x) { return x.shape(); }, "Extents, a tuple.")
      .def_prop_ro(
          "dtype", [](const Array& x) { return x.dtype(); }, "Name of the element type, as NumPy has it.")
      .def_prop_ro("ndim", &Array::ndim)
      .def_prop_ro("size", &Array::size, "Number of elements.")
      .def("numpy_view", &numpy_view, "The memory as a NumPy array, shared; read-only where this array is.")
      .def("item", &Array::item, "The only element as a float. Throws ValueError where there are more or none.")
      .def("copy", &Array::copy, "A contiguous copy.")
      .def("astype", &Array::astype, "dtype"_a, "Converted; itself where it has that dtype.")
      .def(
          "reshape", [](const Array& x, const Shape& shape) { return reshape(x, shape); }, "shape"_a)
      .def("__repr__", &Array::text);
  m.def(
      "wrap", [](nb::handle value) { return array_of(value); }, "value"_a,
      "An NDArray on the memory of a NumPy array or of anything with __dlpack__ or a buffer: no copy.");
}

}  // namespace quantick::python
