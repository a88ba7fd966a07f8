#include "quantick/ops/integer_form.h"

#include "quantick/core/error.h"

namespace quantick {

const Array& PrepareCall::constant(std::string_view name) const {
  for (const NamedArray& c : constants)
    if (c.name == name) return c.value;
  fail<FormatError>("[program] constant {} is missing", name);
}

bool PrepareCall::has_constant(std::string_view name) const {
  for (const NamedArray& c : constants)
    if (c.name == name) return true;
  return false;
}

}  // namespace quantick
