#include "quantick/bindings/python/fields.h"

#include <nanobind/stl/string.h>

#include <algorithm>

namespace nb = nanobind;

namespace quantick::python {
namespace {

std::string class_name(nb::handle value) { return nb::cast<std::string>(nb::inst_name(value)); }

/// For a value that says that it is a number, and gives none; what it raised itself is lost to the plainer text, unless
/// it is about the number's size.
[[noreturn]] void refuse_number(std::string_view who, std::string_view name, nb::handle value,
                                std::string_view expected) {
  const nb::python_error raised;
  if (!raised.matches(PyExc_TypeError) && !raised.matches(PyExc_ValueError)) throw nb::python_error(raised);
  refuse_type(who, name, value, expected);
}

}  // namespace

void refuse_type(std::string_view who, std::string_view name, nb::handle value, std::string_view expected) {
  fail<TypeError>("[{}] {}, was a {}, expected {}", who, name, class_name(value), expected);
}

void refuse_name(std::string_view who, std::string_view name, const std::vector<std::string>& names) {
  const size_t dot = name.rfind('.');
  const std::string near = nearest_name(dot == std::string_view::npos ? name : name.substr(dot + 1), names);
  fail<TypeError>("[{}] unknown argument {}{}", who, name,
                  near.empty() ? fmt::format(", expected one of {}", fmt::join(names, ", "))
                               : fmt::format(", did you mean {}?", near));
}

bool is_sequence(nb::handle value) {
  return PySequence_Check(value.ptr()) != 0 && !nb::isinstance<nb::str>(value) && !nb::isinstance<nb::bytes>(value) &&
         !nb::isinstance<nb::dict>(value);
}

void read_value(nb::handle value, bool& out, std::string_view who, std::string_view name) {
  if (PyBool_Check(value.ptr())) {
    out = value.is(nb::handle(Py_True));
    return;
  }
  // NumPy's own truth values, called bool or bool_.
  const bool numpy = nb::cast<std::string>(value.type().attr("__module__")) == "numpy";
  if (!numpy || !class_name(value).starts_with("bool")) refuse_type(who, name, value, "True or False");
  out = PyObject_IsTrue(value.ptr()) == 1;
}

void read_value(nb::handle value, int64_t& out, std::string_view who, std::string_view name) {
  if (PyBool_Check(value.ptr()) || PyIndex_Check(value.ptr()) == 0) refuse_type(who, name, value, "a whole number");
  const nb::object whole = nb::steal(PyNumber_Index(value.ptr()));
  if (!whole.is_valid()) refuse_number(who, name, value, "a whole number");
  int overflow = 0;
  out = PyLong_AsLongLongAndOverflow(whole.ptr(), &overflow);
  QTK_CHECK(overflow == 0, ValueError, "[{}] {}, was {}, expected a number that fits 64 bits", who, name,
            nb::cast<std::string>(nb::str(whole)));
}

void read_value(nb::handle value, uint64_t& out, std::string_view who, std::string_view name) {
  int64_t whole = 0;
  read_value(value, whole, who, name);
  QTK_CHECK(whole >= 0, ValueError, "[{}] {}, was {}, expected >= 0", who, name, whole);
  out = static_cast<uint64_t>(whole);
}

void read_value(nb::handle value, double& out, std::string_view who, std::string_view name) {
  const bool text = nb::isinstance<nb::str>(value) || nb::isinstance<nb::bytes>(value);
  if (PyBool_Check(value.ptr()) || text || PyNumber_Check(value.ptr()) == 0) refuse_type(who, name, value, "a number");
  const nb::object number = nb::steal(PyNumber_Float(value.ptr()));
  if (!number.is_valid()) refuse_number(who, name, value, "a number");
  out = PyFloat_AsDouble(number.ptr());
}

void read_value(nb::handle value, std::string& out, std::string_view who, std::string_view name) {
  if (!nb::isinstance<nb::str>(value) && !nb::hasattr(value, "__fspath__")) refuse_type(who, name, value, "a text");
  const nb::object text = nb::steal(PyOS_FSPath(value.ptr()));
  if (!text.is_valid()) throw nb::python_error();
  out = nb::cast<std::string>(nb::str(text));
}

Signature::Signature(std::string who, std::vector<Argument> arguments)
    : who_(std::move(who)), arguments_(std::move(arguments)) {}

Signature& Signature::order(std::initializer_list<std::string_view> names) {
  auto place = arguments_.begin();
  for (std::string_view name : names) {
    const auto found = std::find_if(place, arguments_.end(), [&](const Argument& a) { return a.name == name; });
    QTK_ASSERT(found != arguments_.end());
    std::rotate(place, found, found + 1);
    ++place;
  }
  return *this;
}

nb::dict Signature::bind(const nb::args& values, const nb::kwargs& keywords) const {
  QTK_CHECK(values.size() <= arguments_.size(), TypeError, "[{}] values, was {}, expected at most {}", who_,
            values.size(), arguments_.size());
  std::vector<std::string> names;
  for (const Argument& a : arguments_) names.push_back(a.name);
  nb::dict out;
  for (size_t i = 0; i < values.size(); ++i)
    if (!nb::handle(values[i]).is_none()) out[names[i].c_str()] = values[i];
  for (auto [key, value] : keywords) {
    const auto name = nb::cast<std::string>(key);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) refuse_name(who_, name, names);
    QTK_CHECK(static_cast<size_t>(found - names.begin()) >= values.size(), TypeError,
              "[{}] {} is given twice, by place and by name", who_, name);
    if (!value.is_none()) out[key] = value;
  }
  for (const Argument& a : arguments_)
    QTK_CHECK(!a.default_value.empty() || out.contains(a.name.c_str()), TypeError, "[{}] {} is missing, expected {}",
              who_, a.name, a.type);
  return out;
}

std::string Signature::text(std::string_view name, std::string_view result, std::string_view first) const {
  std::vector<std::string> parts;
  if (!first.empty()) parts.emplace_back(first);
  for (const Argument& a : arguments_)
    parts.push_back(a.name + ": " + a.type + (a.default_value.empty() ? "" : " = " + a.default_value));
  return fmt::format("def {}({}) -> {}", name, fmt::join(parts, ", "), result);
}

std::string Signature::doc(std::string_view summary) const {
  std::string out(summary);
  bool first = true;
  for (const Argument& a : arguments_) {
    if (a.doc.empty()) continue;
    out += fmt::format("{}    {}: {}\n", first ? "\n\n" : "", a.name, a.doc);
    first = false;
  }
  return out;
}

}  // namespace quantick::python
