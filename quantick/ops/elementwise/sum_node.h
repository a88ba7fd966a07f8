#pragma once
// a + b and a - b in fixed bits: between integers the residual sum of two scales (docs/numerics.md, section 2),
// with the second scale negative for a difference; else element by element in float32.
#include <string_view>

#include "quantick/ops/elementwise/element_node.h"

namespace quantick {

/// sign: +1 or -1, of b. `function` is the float32 form of the same. `who` must outlive the form (a literal).
IntegerForm sum_form(std::string_view who, float sign, ElementFunction function);

}  // namespace quantick
