#pragma once
#include "quantick/tensor/array.h"

namespace quantick::graph {

/// Whether a trace that runs on this thread follows the array: an input, a parameter, a result of calls, or memory of
/// such. The graph holds neither what is read from its values nor what is written into them.
bool is_traced(const Array& array);

/// Whether a trace runs on this thread: what is not made by operators is a constant of the graph.
bool is_tracing();

}  // namespace quantick::graph
