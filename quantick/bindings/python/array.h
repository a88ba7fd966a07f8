#pragma once
// What the files that make NDArray share.
#include <nanobind/nanobind.h>

#include "quantick/tensor/array.h"

namespace quantick::python {

/// x[index], by NumPy's rules for numbers, slices, Ellipsis, None, arrays of whole numbers and masks. Calls operators,
/// so that gradients and traces follow. Slices are views, arrays pick copies.
Array get_item(const Array& x, nanobind::handle index);

/// x[index] = value into the array's memory. Throws ValueError for read-only memory, and for arrays that a tape needs.
void set_item(Array& x, nanobind::handle index, nanobind::handle value);

/// Throws UnsupportedError where a trace (of a hybridized or exported forward) follows the array: it would not hold
/// what is made of the values.
void check_values_are_free(const Array& x);

void bind_arithmetic(nanobind::class_<Array>& c);
void bind_methods(nanobind::class_<Array>& c);

}  // namespace quantick::python
