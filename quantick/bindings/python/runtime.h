#pragma once
// The runtime room's parts in the module, one per file.
#include <nanobind/nanobind.h>

#include <memory>
#include <string_view>

#include "quantick/runtime/plan.h"

namespace quantick::python {

/// The program of a Program or of a quantized network (anything whose attribute `program` is one). Throws TypeError;
/// `who` stands in brackets.
runtime::Program program_of(nanobind::handle model, std::string_view who);

/// The same, ready to run: that of a Session or of a quantized network's session, whose packed weights it shares, or
/// one that is packed now.
std::shared_ptr<const runtime::Plan> plan_of(nanobind::handle model, std::string_view who);

void bind_programs(nanobind::module_& m);  ///< programs and their files
void bind_streams(nanobind::module_& m);   ///< streams and model slots: ticks

}  // namespace quantick::python
