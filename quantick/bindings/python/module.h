#pragma once
// quantick._core: one file per room, each with one function that adds its classes and functions to the module.
#include <nanobind/nanobind.h>

namespace quantick::python {

void bind_errors(nanobind::module_& m);  ///< first: the others throw them
void bind_array(nanobind::module_& m);
void bind_operators(nanobind::module_& m);
void bind_autograd(nanobind::module_& m);
void bind_nn(nanobind::module_& m);
void bind_program(nanobind::module_& m);

}  // namespace quantick::python
