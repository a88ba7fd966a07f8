#include "quantick/bindings/python/nest.h"

#include <algorithm>

#include "quantick/bindings/python/casters.h"

namespace nb = nanobind;

namespace quantick::python {

namespace {

bool same(const nb::object& a, const nb::object& b) { return a.is(b) || a.equal(b); }

/// One level of nesting, which Python counts.
struct Level {
  Level() {
    if (Py_EnterRecursiveCall(" in nested arrays") != 0) throw nb::python_error();
  }
  ~Level() { Py_LeaveRecursiveCall(); }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
};

}  // namespace

bool Nest::operator==(const Nest& other) const {
  if (kind != other.kind || items != other.items) return false;
  if (!std::equal(keys.begin(), keys.end(), other.keys.begin(), other.keys.end(), same)) return false;
  return kind != Kind::value || same(value, other.value);
}

Nest flatten(nb::handle value, std::string_view who, Arrays& flat) {
  if (value.is_none() || PyBool_Check(value.ptr()) || PyLong_CheckExact(value.ptr()) ||
      PyFloat_CheckExact(value.ptr()) || nb::isinstance<nb::str>(value))
    return {Nest::Kind::value, {}, {}, nb::borrow(value)};
  const Level level;
  if (nb::isinstance<nb::dict>(value)) {
    Nest form{Nest::Kind::dict, {}, {}, {}};
    for (nb::handle entry : nb::borrow<nb::dict>(value).items()) {
      form.keys.push_back(entry[0]);
      form.items.push_back(flatten(entry[1], who, flat));
    }
    return form;
  }
  const bool list = nb::isinstance<nb::list>(value);
  if (!list && !nb::isinstance<nb::tuple>(value)) {
    try {
      flat.push_back(array_of(value));
    } catch (const TypeError& error) {
      fail<TypeError>("[{}] {}", who, error.what());
    }
    return {};
  }
  Nest form{list ? Nest::Kind::list : Nest::Kind::tuple, {}, {}, {}};
  for (nb::handle item : value) form.items.push_back(flatten(item, who, flat));
  return form;
}

nb::object unflatten(const Nest& form, const Arrays& flat, size_t& next) {
  switch (form.kind) {
    case Nest::Kind::array:
      return nb::cast(flat.at(next++));
    case Nest::Kind::value:
      return form.value;
    case Nest::Kind::dict: {
      nb::dict out;
      for (size_t i = 0; i < form.items.size(); ++i) out[form.keys[i]] = unflatten(form.items[i], flat, next);
      return out;
    }
    case Nest::Kind::list:
    case Nest::Kind::tuple:
      break;
  }
  nb::list items;
  for (const Nest& item : form.items) items.append(unflatten(item, flat, next));
  return form.kind == Nest::Kind::list ? nb::object(items) : nb::object(nb::tuple(items));
}

}  // namespace quantick::python
