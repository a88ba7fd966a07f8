// C++ errors become Python's own classes, or subclasses of them, with the same text.
#include "quantick/core/error.h"

#include <nanobind/nanobind.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "quantick/bindings/python/module.h"

namespace nb = nanobind;

namespace quantick::python {
namespace {

/// What the module's dictionary keeps alive.
struct ErrorClasses {
  PyObject *shape = nullptr, *parse = nullptr, *format = nullptr, *unsupported = nullptr;
};
ErrorClasses classes;

PyObject* add_class(nb::module_& m, const char* name, PyObject* base, const char* doc) {
  const std::string full = std::string("quantick.") + name;
  nb::object made = nb::steal(PyErr_NewExceptionWithDoc(full.c_str(), doc, base, nullptr));
  m.attr(name) = made;
  return made.ptr();
}

/// Texts may hold a path that is no Unicode.
void raise(PyObject* kind, const std::exception& error) {
  const std::string_view text = error.what();
  const nb::object held =
      nb::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
  if (held.is_valid()) PyErr_SetObject(kind, held.ptr());
}

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const ShapeError& error) {
    raise(classes.shape, error);
  } catch (const ParseError& error) {
    raise(classes.parse, error);
  } catch (const FormatError& error) {
    raise(classes.format, error);
  } catch (const UnsupportedError& error) {
    raise(classes.unsupported, error);
  } catch (const ValueError& error) {
    raise(PyExc_ValueError, error);
  } catch (const TypeError& error) {
    raise(PyExc_TypeError, error);
  } catch (const IndexError& error) {
    raise(PyExc_IndexError, error);
  } catch (const IoError& error) {
    raise(PyExc_OSError, error);
  } catch (const InterruptedError& error) {
    raise(PyExc_KeyboardInterrupt, error);
  } catch (const Error& error) {
    raise(PyExc_RuntimeError, error);
  } catch (const std::length_error&) {
    PyErr_SetString(PyExc_MemoryError, "[quantick] more elements than memory can have, expected a smaller size");
  } catch (const nb::cast_error&) {
    PyErr_SetString(PyExc_TypeError,
                    "[quantick] a value of the wrong class, beyond 64 bits, of text that is no Unicode, or an object "
                    "whose __init__() has not run, expected what the signature says");
  }
}

}  // namespace

void bind_errors(nb::module_& m) {
  classes.shape = add_class(m, "ShapeError", PyExc_ValueError, "Shapes do not fit each other.");
  classes.parse = add_class(m, "ParseError", PyExc_ValueError, "Text of a file is wrong; says file and line.");
  classes.format =
      add_class(m, "FormatError", PyExc_ValueError, "A binary file is cut, altered or of another version.");
  classes.unsupported =
      add_class(m, "UnsupportedError", PyExc_NotImplementedError, "What this version, build or machine does not have.");
  nb::register_exception_translator(translate);
}

}  // namespace quantick::python
