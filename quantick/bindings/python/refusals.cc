// Calls whose arguments no signature takes: nanobind's list of signatures becomes one sentence about the argument.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <nanobind/nanobind.h>

#include "quantick/bindings/python/module.h"
#include "quantick/core/error.h"

namespace nb = nanobind;

namespace quantick::python {
namespace {

using Call = PyObject* (*)(PyObject* function, PyObject* const* arguments, size_t count, PyObject* keywords);

/// A bit beside the count of arguments: nanobind itself calls, with an object of its own.
constexpr size_t kTrustedSelf = PY_VECTORCALL_ARGUMENTS_OFFSET >> 1;

/// nanobind's ways to call a function, by how much there is to convert, in the order found.
std::array<Call, 8> ways{};

/// The accessors of properties, which have no name themselves.
std::unordered_map<PyObject*, std::string>& accessors() {
  static std::unordered_map<PyObject*, std::string> names;
  return names;
}

/// Exchanges the error that is set, where nanobind made it for this call, for one that says what was wrong.
void explain(PyObject* function, PyObject* const* arguments, size_t count, PyObject* keywords) {
  nb::python_error refusal;
  try {
    // One from deeper down has passed a frame of Python.
    if (refusal.traceback().is_valid() || !refusal.matches(PyExc_TypeError)) return refusal.restore();
    const std::string text = nb::cast<std::string>(nb::str(refusal.value()));
    if (text.find("(): incompatible function arguments.") == std::string::npos) return refusal.restore();
    const nb::handle called(function);
    nb::list positional, signatures;
    for (size_t i = 0; i < count; ++i) positional.append(nb::handle(arguments[i]));
    nb::dict named;
    if (keywords != nullptr) {
      for (nb::handle key : nb::borrow<nb::tuple>(keywords)) named[key] = nb::handle(arguments[count++]);
    }
    for (nb::handle signature : called.attr("__nb_signature__")) signatures.append(signature[0]);
    const auto accessor = accessors().find(function);
    const nb::object name = accessor == accessors().end() ? nb::object(called.attr("__qualname__"))
                                                          : nb::object(nb::str(accessor->second.c_str()));
    const nb::object said =
        nb::module_::import_("quantick._refusals").attr("explain")(name, signatures, nb::tuple(positional), named);
    PyErr_SetObject(PyExc_TypeError, said.ptr());
  } catch (...) {
    refusal.restore();
  }
}

template <size_t way>
PyObject* call(PyObject* function, PyObject* const* arguments, size_t count, PyObject* keywords) {
  PyObject* result = ways[way](function, arguments, count, keywords);
  if (result == nullptr && PyErr_Occurred() != nullptr) {
    explain(function, arguments, static_cast<size_t>(PyVectorcall_NARGS(count)) & ~kTrustedSelf, keywords);
  }
  return result;
}

template <size_t... way>
constexpr std::array<Call, sizeof...(way)> explained(std::index_sequence<way...>) {
  return {&call<way>...};
}
constexpr std::array<Call, ways.size()> kExplained = explained(std::make_index_sequence<ways.size()>());

/// The function as it lies in memory: the way to call it is what Python's calls go through.
struct Function {
  PyObject_VAR_HEAD Call way;
};

void guard(nb::handle function) {
#if !defined(Py_LIMITED_API)  // which does not tell; the version of nanobind is pinned
  if (Py_TYPE(function.ptr())->tp_vectorcall_offset != offsetof(Function, way)) return;
#endif
  Call& way = reinterpret_cast<Function*>(function.ptr())->way;
  for (size_t i = 0; i < ways.size(); ++i) {
    if (way == kExplained[i]) return;
    if (ways[i] == nullptr) ways[i] = way;
    if (ways[i] == way) {
      way = kExplained[i];
      return;
    }
  }
}

bool is_function(nb::handle value) { return nb::hasattr(value, "__nb_signature__"); }

void guard_class(nb::handle type) {
  for (nb::handle entry : type.attr("__dict__").attr("items")()) {
    const nb::object name = entry[0], member = entry[1];
    if (is_function(member)) {
      guard(member);
      continue;
    }
    for (const char* accessor : {"fget", "fset"}) {
      const nb::object function = nb::getattr(member, accessor, nb::none());
      if (!is_function(function)) continue;
      guard(function);
      accessors()[function.ptr()] = nb::cast<std::string>(nb::str("{}.{}").attr("format")(type.attr("__name__"), name));
    }
  }
}

}  // namespace

void bind_refusals(nb::module_& m) {
  for (nb::handle value : m.attr("__dict__").attr("values")()) {
    if (is_function(value)) guard(value);
    if (PyType_Check(value.ptr()) != 0) guard_class(value);
  }
}

}  // namespace quantick::python
