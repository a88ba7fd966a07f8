#pragma once
// quantick._core: one file per room, each with one function that adds its classes and functions to the module.
#include <nanobind/nanobind.h>

namespace quantick::python {

void bind_errors(nanobind::module_& m);  ///< first: the others throw them
void bind_array(nanobind::module_& m);
void bind_operators(nanobind::module_& m);
void bind_autograd(nanobind::module_& m);
void bind_graph(nanobind::module_& m);
void bind_nn(nanobind::module_& m);  ///< after graph
void bind_optim(nanobind::module_& m);
void bind_train(nanobind::module_& m);  ///< after nn and optim
void bind_runtime(nanobind::module_& m);
void bind_quant(nanobind::module_& m);    ///< after nn and runtime
void bind_data(nanobind::module_& m);     ///< frames, market, features, backtest, report
void bind_samples(nanobind::module_& m);  ///< after train and data
void bind_program(nanobind::module_& m);
void bind_refusals(nanobind::module_& m);  ///< last: it wraps what the others have added

}  // namespace quantick::python
