#pragma once
// For tests: the text of an error.
#include <string>

#include "quantick/core/error.h"

namespace quantick {

/// What the E that f() throws says, or "no error".
template <class E = Error, class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace quantick
