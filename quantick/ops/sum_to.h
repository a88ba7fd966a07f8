#pragma once
// The way back through broadcasting: what every gradient rule of a broadcasting operator ends with.
#include "quantick/ops/operator.h"

namespace quantick {

/// Sums `gradient` over the axes along which `type` was broadcast, and casts it to type's dtype.
Array sum_to(const Array& gradient, const TensorType& type);

}  // namespace quantick
