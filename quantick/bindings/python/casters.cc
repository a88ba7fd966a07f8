#include "quantick/bindings/python/casters.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string_view.h>

#include <array>

#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

std::string class_name(nb::handle value) { return nb::cast<std::string>(nb::inst_name(value)); }

/// "float16", "uint32", "complex64", with " x 4" where there are several lanes.
std::string dlpack_name(nb::dlpack::dtype type) {
  constexpr std::array<std::string_view, 7> kNames{"int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  return fmt::format("{}{}{}", type.code < kNames.size() ? kNames[type.code] : "dtype of DLPack's code ",
                     type.code < kNames.size() ? type.bits : type.code,
                     type.lanes == 1 ? "" : fmt::format(" x {}", type.lanes));
}

/// dtype of DLPack's code; throws TypeError that names it.
DType dtype_of_dlpack(nb::dlpack::dtype type) {
  using Code = nb::dlpack::dtype_code;
  if (type.lanes == 1) {
    switch (static_cast<Code>(type.code)) {
      case Code::Float:
        if (type.bits == 32) return DType::f32;
        if (type.bits == 64) return DType::f64;
        break;
      case Code::Int:
        if (type.bits == 8) return DType::i8;
        if (type.bits == 16) return DType::i16;
        if (type.bits == 32) return DType::i32;
        if (type.bits == 64) return DType::i64;
        break;
      case Code::UInt:
        if (type.bits == 8) return DType::u8;
        break;
      case Code::Bool:
        return DType::boolean;
      default:
        break;
    }
  }
  fail<TypeError>("[array] was of {}, expected float32, float64, int8, uint8, int16, int32, int64 or bool",
                  dlpack_name(type));
}

constexpr const char* kTaken =
    "expected float32, float64, int8, uint8, int16, int32, int64 or bool in the machine's byte order";

Array wrap(nb::ndarray<nb::ro>&& source, bool writable) {
  Shape shape, strides;
  QTK_CHECK(source.ndim() <= Shape::kMaxDims, ShapeError, "[array] dimensions, was {}, expected at most {}",
            source.ndim(), Shape::kMaxDims);
  for (size_t i = 0; i < source.ndim(); ++i) {
    shape.push_back(static_cast<int64_t>(source.shape(i)));
    strides.push_back(source.stride(i));
  }
  const DType dtype = dtype_of_dlpack(source.dtype());
  const void* const data = source.data();
  QTK_CHECK(
      reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(dtype_size(dtype)) == 0, ValueError,
      "[array] memory of {} at an address that is no multiple of {} bytes, expected aligned memory: copy it first",
      dtype_name(dtype), dtype_size(dtype));
  // The last handle may go on another thread, or after the interpreter has.
  std::shared_ptr<void> owner(new nb::ndarray<nb::ro>(std::move(source)), [](void* kept) {
    if (!nb::is_alive()) return;
    const Locked lock;
    delete static_cast<nb::ndarray<nb::ro>*>(kept);
  });
  return writable ? Array::wrap(const_cast<void*>(data), dtype, shape, std::move(owner), strides)
                  : Array::wrap_read_only(data, dtype, shape, std::move(owner), strides);
}

/// What other classes than NumPy's own may hide: a mask or torch's tape, which would be lost, and memory of another
/// device.
void check_foreign(nb::handle value) {
  QTK_CHECK(!nb::hasattr(value, "mask") || !nb::hasattr(value, "fill_value"), TypeError,
            "[array] a masked array, expected one without a mask: fill it first, e.g. x.filled(nan)");
  QTK_CHECK(!nb::getattr(value, "requires_grad", nb::none()).is(Py_True), TypeError,
            "[array] a {} that requires a gradient, expected one without: detach() it first", class_name(value));
  const nb::object asked = nb::getattr(value, "__dlpack_device__", nb::none());
  if (asked.is_none()) return;
  const auto [type, index] = nb::cast<std::pair<int, int>>(asked());
  QTK_CHECK(type == nb::device::cpu::value, TypeError,
            "[array] a {} on device {} of type {} (DLPack), expected memory of the CPU: copy it there first",
            class_name(value), index, type);
}

/// The capsule of an object's __dlpack__(), of DLPack 1.0 where it has that: nanobind marks as used what it is given
/// itself, so that none is taken twice. The object where it makes none, so that its buffer may do.
nb::object capsule_of(nb::handle value) {
  nb::object capsule = nb::borrow(value);
  for (int attempt = 0; attempt < 2 && !PyCapsule_CheckExact(capsule.ptr()); ++attempt) {
    if (!nb::hasattr(value, "__dlpack__")) return capsule;
    try {
      const nb::object method = value.attr("__dlpack__");
      capsule = attempt == 0 ? method("max_version"_a = nb::make_tuple(1, 0)) : method();
      QTK_CHECK(PyCapsule_CheckExact(capsule.ptr()), TypeError,
                "[array] __dlpack__() of a {} gave a {}, expected a capsule", class_name(value), class_name(capsule));
    } catch (nb::python_error& error) {
      if (!error.matches(PyExc_BufferError) && !error.matches(PyExc_TypeError)) throw;
    }
  }
  if (!PyCapsule_CheckExact(capsule.ptr())) return capsule;
  const char* const name = PyCapsule_GetName(capsule.ptr());
  const std::string_view text = name == nullptr ? "" : name;
  QTK_CHECK(text == "dltensor" || text == "dltensor_versioned", ValueError,
            "[array] a capsule named \"{}\", expected \"dltensor\" or \"dltensor_versioned\", which each gives its "
            "memory once",
            text);
  return capsule;
}

std::optional<Array> memory_of(nb::handle value) {
  const bool numpy = class_name(value) == "numpy.ndarray";
  if (!numpy && !nb::hasattr(value, "__dlpack__") && !PyCapsule_CheckExact(value.ptr())) {
    // NumPy's dates show their bytes as a buffer.
    if (value.type().attr("__module__").equal(nb::str("numpy")))
      return memory_of(nb::module_::import_("numpy").attr("array")(value));
    if (PyObject_CheckBuffer(value.ptr()) == 0) return std::nullopt;
    // Buffers may leave out their strides (those of ctypes do); a memoryview fills them in.
    if (!PyMemoryView_Check(value.ptr())) {
      const nb::object view = nb::steal(PyMemoryView_FromObject(value.ptr()));
      if (!view.is_valid()) throw nb::python_error();
      return memory_of(view);
    }
  }
  if (!numpy) check_foreign(value);
  const nb::object memory = numpy ? nb::borrow(value) : capsule_of(value);
  nb::ndarray<> writable;
  if (nb::try_cast(memory, writable)) return wrap(nb::ndarray<nb::ro>(writable), true);
  nb::ndarray<nb::ro> read_only;
  if (nb::try_cast(memory, read_only)) return wrap(std::move(read_only), false);
  const nb::object dtype = nb::getattr(value, "dtype", nb::none());
  QTK_CHECK(dtype.is_none(), TypeError, "[array] a {} of dtype {}, {}", class_name(value),
            nb::cast<std::string>(nb::repr(dtype)), kTaken);
  fail<TypeError>("[array] memory of a {}, {}", class_name(value), kTaken);
}

Array whole_number(nb::handle value) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow != 0) {
    PyErr_SetString(PyExc_OverflowError, "[array] a whole number beyond 64 bits, expected one that fits int64");
    throw nb::python_error();
  }
  Array out(0);
  *out.mutable_data<int64_t>() = number;
  return out;
}

}  // namespace

DType dtype_of(nb::handle value) {
  nb::object name = nb::borrow(value);
  if (PyType_Check(value.ptr()))
    name = nb::borrow(value.attr("__name__"));
  else if (nb::hasattr(value, "name"))
    name = nb::borrow(value.attr("name"));
  QTK_CHECK(nb::cast<bool>(nb::getattr(value, "isnative", nb::bool_(true))), TypeError,
            "[dtype] byte order of {}, expected the machine's", nb::cast<std::string>(nb::repr(value)));
  if (name.is_none()) return DType::f32;
  QTK_CHECK(nb::isinstance<nb::str>(name), TypeError, "[dtype] was a {}, expected a name such as \"float32\"",
            class_name(value));
  const auto text = nb::cast<std::string>(name);
  // Python's own types, as NumPy reads them.
  if (text == "float") return DType::f64;
  if (text == "int") return DType::i64;
  return dtype_from_name(text);
}

nb::object dtype_text(DType dtype) {
  // Kept for good. No static initializer: the import may let another thread run, which would wait for it.
  static std::array<PyObject*, 8> kept{};
  PyObject*& text = kept.at(static_cast<size_t>(dtype));
  if (text == nullptr) {
    nb::object made = nb::module_::import_("quantick._dtype").attr("DType")(nb::cast(dtype_name(dtype)));
    if (text == nullptr) text = made.release().ptr();
  }
  return nb::borrow(text);
}

Shape shape_of(nb::handle value) {
  if (PyLong_Check(value.ptr())) return shape_of(nb::make_tuple(value));
  const bool text = nb::isinstance<nb::str>(value) || nb::isinstance<nb::bytes>(value);
  const bool scalar = nb::getattr(value, "ndim", nb::int_(1)).equal(nb::int_(0));
  if (scalar && PyIndex_Check(value.ptr())) return shape_of(nb::make_tuple(value));
  QTK_CHECK(PySequence_Check(value.ptr()) && !text && !scalar, TypeError,
            "[shape] was a {}, expected a whole number or a sequence of them", class_name(value));
  std::vector<int64_t> extents;
  for (nb::handle extent : value) {
    QTK_CHECK(PyIndex_Check(extent.ptr()), TypeError, "[shape] extent {}, was a {}, expected a whole number",
              extents.size(), class_name(extent));
    extents.push_back(PyNumber_AsSsize_t(extent.ptr(), PyExc_OverflowError));
    if (PyErr_Occurred() == nullptr) continue;
    const nb::python_error raised;
    if (raised.matches(PyExc_OverflowError)) throw nb::python_error(raised);
    fail<TypeError>("[shape] extent {}, was a {}, expected a whole number", extents.size() - 1, class_name(extent));
  }
  return Shape(extents);
}

nb::tuple tuple_of(const Shape& shape) {
  nb::list extents;
  for (int64_t extent : shape) extents.append(extent);
  return nb::tuple(extents);
}

Attributes attributes_of(const nb::dict& values) {
  Attributes out;
  for (auto [key, value] : values) {
    if (value.is_none()) continue;
    const auto name = nb::cast<std::string>(key);
    AttributeValue held;
    if (PyBool_Check(value.ptr())) {
      held = nb::cast<bool>(value);
    } else if (PyLong_Check(value.ptr()) || (PyIndex_Check(value.ptr()) && !PySequence_Check(value.ptr()))) {
      int64_t number = 0;
      read_value(value, number, "argument", name);
      held = number;
    } else if (nb::isinstance<nb::str>(value)) {
      held = nb::cast<std::string>(value);
    } else if (PyFloat_Check(value.ptr())) {
      held = nb::cast<double>(value);
    } else {
      QTK_CHECK(PySequence_Check(value.ptr()), TypeError,
                "[{}] was a {}, expected a number, a text, or a sequence of whole numbers", name, class_name(value));
      const Shape whole = shape_of(value);
      held = whole.to_vector();
    }
    out.emplace_back(name, std::move(held));
  }
  return out;
}

nb::object value_of(const AttributeValue& value) {
  return std::visit([](const auto& v) { return nb::cast(v); }, value);
}

AttributeValue attribute_of(const AttributeInfo& info, std::string_view who, nb::handle value) {
  // np.float32 and its like; names stay, for quantize_linear has more of them than arrays have.
  if (info.name == "dtype" && !nb::isinstance<nb::str>(value)) return std::string(dtype_name(dtype_of(value)));
  AttributeValue out = info.default_value;
  std::visit([&](auto& held) { read_value(value, held, who, info.name); }, out);
  return out;
}

std::optional<Array> try_array_of(nb::handle value) {
  PyObject* const object = value.ptr();
  if (nb::isinstance<Array>(value)) return *nb::inst_ptr<Array>(value);
  if (PyFloat_CheckExact(object)) return Array(PyFloat_AsDouble(object));
  if (PyLong_CheckExact(object) || PyBool_Check(object)) return whole_number(value);
  if (auto memory = memory_of(value)) return memory;
  if (PyLong_Check(object)) return whole_number(value);
  if (PyFloat_Check(object)) return Array(PyFloat_AsDouble(object));
  return std::nullopt;
}

Array array_of(nb::handle value) {
  if (auto array = try_array_of(value)) return *std::move(array);
  fail<TypeError>(
      "[array] was a {}, expected an NDArray, a number, a NumPy array, or an object with __dlpack__ or a "
      "buffer: quantick.array() copies lists and frames",
      class_name(value));
}

void check_numbers(std::span<const Array> inputs) {
  // int64 takes every number that there is, and of the narrower types operators compute in int32 alone.
  bool narrow = false;
  for (const Array& x : inputs) {
    if (!x.defined() || x.is_weak_scalar()) continue;
    if (is_float(x.dtype()) || x.dtype() == DType::i64) return;
    narrow = narrow || x.dtype() == DType::i32;
  }
  for (const Array& x : inputs) {
    if (!narrow || !x.defined() || !x.is_weak_scalar() || is_float(x.dtype())) continue;
    const int64_t number = *x.data<int64_t>();
    if (number == static_cast<int32_t>(number)) continue;
    PyErr_SetString(PyExc_OverflowError,
                    fmt::format("[array] number, was {}, expected one that fits int32", number).c_str());
    throw nb::python_error();
  }
}

Arrays arrays_of(const nb::iterable& values) {
  Arrays out;
  for (nb::handle value : values) out.push_back(value.is_none() ? Array() : array_of(value));
  return out;
}

}  // namespace quantick::python
