// NDArray: the class, its memory as NumPy and DLPack see it, its gradient, and what makes one.
#include "quantick/bindings/python/array.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string_view.h>

#include "quantick/autograd/autograd.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/graph/tracing.h"
#include "quantick/nn/safetensors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

nb::dlpack::dtype dlpack_dtype(DType dtype) {
  return visit_dtype(dtype, [](auto zero) { return nb::dtype<decltype(zero)>(); });
}

/// The array's own memory as an nb::ndarray of the asked framework; the array's handle keeps it alive.
template <class... Kind>
nb::object exported(const Array& array) {
  const nb::capsule owner(new Array(array), [](void* kept) noexcept { delete static_cast<Array*>(kept); });
  const Shape &shape = array.shape(), &strides = array.strides();
  const std::vector<size_t> extents(shape.begin(), shape.end());
  auto* const data = const_cast<std::byte*>(array.raw());
  return nb::cast(
      nb::ndarray<Kind...>(data, extents.size(), extents.data(), owner, strides.begin(), dlpack_dtype(array.dtype())),
      nb::rv_policy::reference);
}

/// NumPy's __array__ protocol.
nb::object numpy_array(const Array& array, nb::handle dtype, nb::handle copy) {
  check_values_are_free(array);
  const nb::object view = numpy_view(array);
  const bool keeps = dtype.is_none() || view.attr("dtype").equal(dtype);
  if (keeps && !copy.is(Py_True)) return view;
  QTK_CHECK(!copy.is(Py_False), ValueError, "[array] {} as another dtype without a copy, expected copy=None",
            dtype_name(array.dtype()));
  return view.attr("astype")(keeps ? view.attr("dtype") : nb::borrow(dtype), "copy"_a = true);
}

/// The DLPack protocol (2024.12): a capsule, versioned where the consumer asks for version 1.
nb::object dlpack(const Array& array, const nb::kwargs& asked) {
  check_values_are_free(array);
  const auto option = [&](const char* name) { return asked.contains(name) ? nb::object(asked[name]) : nb::none(); };
  if (const nb::object device = option("dl_device");
      !device.is_none() && nb::cast<std::pair<int, int>>(device) != std::pair(1, 0)) {
    PyErr_SetString(PyExc_BufferError, "[array] dl_device, expected (1, 0), the CPU");
    throw nb::python_error();
  }
  const nb::object version = option("max_version");
  const bool versioned = !version.is_none() && nb::cast<std::pair<int, int>>(version).first >= 1;
  const bool copied = option("copy").is(Py_True);
  if (!versioned && !copied && !array.is_writable()) {
    PyErr_SetString(PyExc_BufferError, "[array] read-only memory, expected a consumer of DLPack 1.0 or later");
    throw nb::python_error();
  }
  const Array given = copied ? array.copy() : array;
  const nb::object door = given.is_writable() ? exported<nb::array_api>(given) : exported<nb::array_api, nb::ro>(given);
  return door.attr("__dlpack__")("max_version"_a = version);
}

/// NumPy's text: "NDArray([1., 2.], dtype=float32)".
std::string repr(const Array& array) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  const nb::object view = numpy_view(array);
  const auto values =
      nb::cast<std::string>(numpy.attr("array2string")(view, "separator"_a = ", ", "prefix"_a = "NDArray("));
  const int64_t shown = nb::cast<int64_t>(numpy.attr("get_printoptions")()["threshold"]);
  // Extents that the values do not show.
  const std::string shape = array.size() == 0 || array.size() > shown ? ", shape=" + array.shape().text() : "";
  return fmt::format("NDArray({}{}, dtype={})", values, shape, dtype_name(array.dtype()));
}

/// The only element as Python's own number.
nb::object item(const Array& array) {
  check_values_are_free(array);
  QTK_CHECK(array.size() == 1, ValueError, "[array] item() of shape {}, expected one element", array.shape().text());
  return visit_dtype(array.dtype(), [&](auto zero) -> nb::object {
    decltype(zero) value;
    std::memcpy(&value, array.raw(), sizeof value);
    return nb::cast(value);
  });
}

void attach_grad(Array& array, std::string_view grad_req) {
  QTK_CHECK(grad_req == "write" || grad_req == "add" || (grad_req == "null" && !array.has_grad()), ValueError,
            "[array] grad_req, was {}, expected write or add: detach() gives an array without a gradient", grad_req);
  if (grad_req == "null") return;
  array.attach_grad();
  array.set_grad_adds(grad_req == "add");
}

void bind_memory(nb::class_<Array>& c) {
  c.def(
       "asnumpy",
       [](const Array& x) {
         check_values_are_free(x);
         return numpy_view(x.copy());
       },
       nb::sig("def asnumpy(self) -> numpy.ndarray"),
       "A NumPy array of one's own: a copy. np.asarray(x) shares the memory instead.")
      .def("__array__", &numpy_array, "dtype"_a = nb::none(), "copy"_a = nb::none(),
           nb::sig("def __array__(self, dtype: typing.Any = None, copy: bool | None = None) -> numpy.ndarray"),
           "The memory as NumPy sees it: shared unless another dtype or a copy is asked for.")
      .def("__dlpack__", &dlpack, nb::sig("def __dlpack__(self, **kwargs: typing.Any) -> typing.Any"),
           "The memory as a DLPack capsule, shared: torch.from_dlpack(x), np.from_dlpack(x). Takes stream (not used), "
           "max_version, dl_device and copy.")
      .def(
          "__dlpack_device__", [](const Array&) { return std::pair(1, 0); }, "The CPU.")
      .def(
          "__reduce__",
          [](const Array& x) {
            return nb::make_tuple(nb::module_::import_("quantick.nd").attr("array"),
                                  nb::make_tuple(numpy_view(x.copy())));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"))
      .def("item", &item, nb::sig("def item(self) -> float"),
           "The only element as a Python number. Raises ValueError where there are more or none.")
      .def("asscalar", &item, nb::sig("def asscalar(self) -> float"), "item(), by Gluon's name.")
      .def(
          "tolist",
          [](const Array& x) {
            check_values_are_free(x);
            return numpy_view(x).attr("tolist")();
          },
          nb::sig("def tolist(self) -> typing.Any"), "Nested lists of Python numbers.")
      .def(
          "wait_to_read", [](const Array&) {},
          "Does nothing: results are there when a call returns. For scripts written for MXNet, which computes later.");
  // NumPy leaves `numpy_array + x` to this class.
  c.attr("__array_priority__") = 1000.0;
}

void bind_properties(nb::class_<Array>& c) {
  c.def_prop_ro(
       "shape", [](const Array& x) { return x.shape(); }, "Extents, a tuple.")
      .def_prop_ro(
          "dtype", [](const Array& x) { return x.dtype(); }, "Name of the element type, as NumPy has it.")
      .def_prop_ro("ndim", &Array::ndim, "Number of axes, at most 8.")
      .def_prop_ro("size", &Array::size, "Number of elements.")
      .def_prop_ro(
          "nbytes", [](const Array& x) { return x.size() * dtype_size(x.dtype()); }, "Bytes of the elements.")
      .def_prop_ro("writable", &Array::is_writable, "False for memory that nobody may write into.")
      .def_prop_ro(
          "context", [](const Array&) { return "cpu"; }, "Always \"cpu\"; Gluon's name.")
      .def_prop_ro(
          "device", [](const Array&) { return "cpu"; }, "Always \"cpu\".")
      .def_prop_ro(
          // `| Any`: typed code need not ask for None where it has attached a gradient.
          "grad", [](const Array& x) { return x.has_grad() ? std::optional(x.grad()) : std::nullopt; },
          nb::sig("def grad(self) -> NDArray | typing.Any"),
          "What the last backward() gave, zeros before it; None without attach_grad().")
      .def("attach_grad", &attach_grad, "grad_req"_a = "write",
           "Makes this array a variable: backward() of what is computed from it under autograd.record() sets its grad, "
           "or adds to it (grad_req \"add\"). "
           "Raises TypeError for an array that holds no floats.")
      .def(
          "detach",
          [](const Array& x) {
            check_values_are_free(x);  // a graph would keep the copy
            return x.copy();
          },
          "A copy that no gradient flows through. Raises NotImplementedError in a forward that is hybridized or "
          "exported.")
      .def(
          "backward",
          [](const Array& head, const std::optional<Array>& out_grad, bool retain_graph, bool) {
            const Array heads[] = {head},
                        gradients[] = {out_grad ? *out_grad : Array::ones(head.shape(), head.dtype())};
            const Unlocked released;
            autograd::backward(heads, gradients, retain_graph);
          },
          "out_grad"_a = nb::none(), "retain_graph"_a = false, "train_mode"_a = true,
          "Gradients of sum(self * out_grad), out_grad ones where it is None, by every variable this was computed "
          "from, into their grad. Raises ValueError where it was not computed under autograd.record(). train_mode: "
          "gradients are those of what was recorded, whatever it says.")
      .def("__len__",
           [](const Array& x) {
             QTK_CHECK(x.ndim() > 0, TypeError, "[array] len() of an array without axes");
             return x.shape()[0];
           })
      .def("__repr__", &repr)
      .def("__str__", [](const Array& x) { return nb::str(numpy_view(x)); })
      .def("__hash__", &Array::id);
}

/// Operators of quantick.nd that MXNet has as methods too.
void bind_fluent(nb::class_<Array>& c) {
  for (const char* name :
       {"argmin", "argsort", "broadcast_like", "flip", "norm", "one_hot", "pick", "reciprocal", "repeat",
        "reshape_like", "rsqrt", "slice_axis", "slice_like", "sort", "split", "tile", "topk"}) {
    const std::string signature =
        fmt::format("def {}(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any", name);
    const std::string doc = fmt::format("quantick.nd.{}() of this array.", name);
    c.def(
        name,
        [name](nb::handle self, const nb::args& arguments, const nb::kwargs& keywords) {
          return nb::module_::import_("quantick.nd").attr(name)(self, *arguments, **keywords);
        },
        nb::sig(signature.c_str()), doc.c_str());
  }
  const auto in_context = [](const Array& x, nb::handle context) {
    nb::module_::import_("quantick.context").attr("check")(context);
    return x;
  };
  c.def_prop_ro(
       "ctx", [](const Array&) { return "cpu"; }, "context, by MXNet's short name.")
      .def("as_in_context", in_context, "context"_a,
           "This array: the CPU is the only context. Raises NotImplementedError for another one.")
      .def("as_in_ctx", in_context, "ctx"_a, "as_in_context().")
      .def(
          "copyto",
          [](const Array& x, nb::handle other) {
            if (!nb::isinstance<Array>(other)) {
              nb::module_::import_("quantick.context").attr("check")(other);
              check_values_are_free(x);
              return nb::cast(x.copy());
            }
            other.attr("__setitem__")(nb::slice(nb::none(), nb::none(), nb::none()), x);
            return nb::borrow(other);
          },
          "other"_a, nb::sig("def copyto(self, other: typing.Any) -> NDArray"),
          "Writes the values into another array, which is returned; of a context, a copy.");
}

void bind_creation(nb::module_& m) {
  m.def(
      "wrap", [](nb::handle value) { return array_of(value); }, "value"_a.none(),
      "An NDArray on the memory of a NumPy array or of anything with __dlpack__ or a buffer: no copy.");
  m.def(
      "copy_of",
      [](nb::handle value, nb::handle dtype) {
        const Array source = array_of(value);
        check_values_are_free(source);
        // Not by the operators: what is made here starts anew, under autograd.record() too.
        const DType target = dtype.is_none() ? source.dtype() : dtype_of(dtype);
        return target == source.dtype() ? source.copy() : source.astype(target);
      },
      "value"_a.none(), "dtype"_a.none(), "An NDArray of its own, contiguous.");
  m.def("full", &Array::full, "shape"_a, "value"_a, "dtype"_a.none() = "float32");
  m.def("arange", &Array::arange, "start"_a, "stop"_a, "step"_a, "dtype"_a.none() = "float32");
  m.def(
      "save_arrays",
      [](const std::string& path, const nb::dict& arrays) {
        std::vector<nn::NamedTensor> tensors;
        for (const auto [name, value] : arrays) {
          QTK_CHECK(nb::isinstance<nb::str>(name), TypeError, "[save] name, was {}, expected a text",
                    nb::cast<std::string>(nb::repr(name)));
          tensors.push_back({nb::cast<std::string>(name), array_of(value).contiguous()});
        }
        nn::save_safetensors(path, tensors);
      },
      "path"_a, "arrays"_a, nb::sig("def save_arrays(path: str, arrays: dict[str, NDArray]) -> None"));
  m.def(
      "load_arrays",
      [](const std::string& path) {
        nb::dict out;
        for (const nn::NamedTensor& tensor : nn::load_safetensors(path))
          out[nb::str(tensor.name.data(), tensor.name.size())] = tensor.value;
        return out;
      },
      "path"_a, nb::sig("def load_arrays(path: str) -> dict[str, NDArray]"));
}

}  // namespace

nb::object numpy_view(const Array& array) {
  return array.is_writable() ? exported<nb::numpy>(array) : exported<nb::numpy, nb::ro>(array);
}

void check_values_are_free(const Array& x) {
  QTK_CHECK(!graph::is_traced(x), UnsupportedError,
            "[trace] values of an array of shape {} asked for in a forward that is hybridized or exported, expected "
            "operators alone, e.g. quantick.nd.where: the graph would keep this run's values for all",
            x.shape().text());
}

void bind_array(nb::module_& m) {
  nb::class_<Array> c(m, "NDArray", nb::is_weak_referenceable(),
                      "Typed, strided memory of the CPU with a gradient slot. Operators and views never copy what they "
                      "can share; quantick.array() and quantick.from_numpy() make one.");
  bind_properties(c);
  bind_memory(c);
  bind_arithmetic(c);
  bind_methods(c);
  bind_fluent(c);
  c.def("__getitem__", &get_item, "index"_a.none(), nb::sig("def __getitem__(self, index: typing.Any, /) -> NDArray"))
      .def("__setitem__", &set_item, "index"_a.none(), "value"_a.none(),
           nb::sig("def __setitem__(self, index: typing.Any, value: typing.Any, /) -> None"))
      .def(
          "__iter__",
          [](const Array& x) {
            QTK_CHECK(x.ndim() > 0, TypeError, "[array] iteration over an array without axes");
            nb::list rows;
            for (int64_t i = 0; i < x.shape()[0]; ++i) rows.append(get_item(x, nb::int_(i)));
            return nb::iter(rows);
          },
          nb::sig("def __iter__(self) -> typing.Iterator[NDArray]"), "Along the first axis.");
  bind_creation(m);
}

}  // namespace quantick::python
