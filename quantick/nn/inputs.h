#pragma once
// Checks of the number of inputs that blocks share.
#include <string_view>

#include "quantick/core/error.h"
#include "quantick/ops/operator.h"

namespace quantick::nn {

/// The only element (array or type); throws ValueError where there are more or none.
template <class T>
const T& one_input(const std::vector<T>& inputs, std::string_view who) {
  QTK_CHECK(inputs.size() == 1, ValueError, "[{}] inputs, was {}, expected 1", who, inputs.size());
  return inputs.front();
}

}  // namespace quantick::nn
