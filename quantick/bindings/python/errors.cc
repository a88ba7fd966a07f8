// C++ errors become Python's own classes, or subclasses of them, with the same text.
#include "quantick/core/error.h"

#include <nanobind/nanobind.h>

#include <array>

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

void translate(const std::exception_ptr& thrown, void*) {
  try {
    std::rethrow_exception(thrown);
  } catch (const ShapeError& error) {
    PyErr_SetString(classes.shape, error.what());
  } catch (const ParseError& error) {
    PyErr_SetString(classes.parse, error.what());
  } catch (const FormatError& error) {
    PyErr_SetString(classes.format, error.what());
  } catch (const UnsupportedError& error) {
    PyErr_SetString(classes.unsupported, error.what());
  } catch (const ValueError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const TypeError& error) {
    PyErr_SetString(PyExc_TypeError, error.what());
  } catch (const IndexError& error) {
    PyErr_SetString(PyExc_IndexError, error.what());
  } catch (const IoError& error) {
    PyErr_SetString(PyExc_OSError, error.what());
  } catch (const InterruptedError& error) {
    PyErr_SetString(PyExc_KeyboardInterrupt, error.what());
  } catch (const Error& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
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
