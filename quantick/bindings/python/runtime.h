#pragma once
// The runtime room's parts in the module, one per file.
#include <nanobind/nanobind.h>

namespace quantick::python {

void bind_programs(nanobind::module_& m);  ///< programs and their files
void bind_streams(nanobind::module_& m);   ///< streams and model slots: ticks

}  // namespace quantick::python
