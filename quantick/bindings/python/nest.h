#pragma once
// Arrays in nested lists, tuples and dicts, as forward() takes and gives them: flat for C++, and back in the same form.
#include <nanobind/nanobind.h>

#include <string>
#include <string_view>
#include <vector>

#include "quantick/ops/operator.h"

namespace quantick::python {

/// The form of one argument or result: a single array, a container of forms, or a Python value that is handed on as it
/// is (None, a number, a text).
struct Nest {
  enum class Kind { array, list, tuple, dict, value };
  Kind kind = Kind::array;
  std::vector<Nest> items;
  std::vector<nanobind::object> keys;  ///< of a dict, one per item
  nanobind::object value;

  /// Values and keys are compared as Python does.
  bool operator==(const Nest& other) const;
};

/// Appends the arrays of `value` to `flat`. Throws TypeError, with `who` in brackets, for what cannot be an array;
/// RecursionError for a list that holds itself.
Nest flatten(nanobind::handle value, std::string_view who, Arrays& flat);

/// Takes the arrays from `next` on.
nanobind::object unflatten(const Nest& form, const Arrays& flat, size_t& next);

}  // namespace quantick::python
