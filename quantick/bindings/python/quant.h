#pragma once
// The quant room's parts in the module, one per file.
#include <nanobind/nanobind.h>

namespace quantick::python {

void bind_observers(nanobind::module_& m);  ///< histograms, observers, walk-forward windows

}  // namespace quantick::python
