#pragma once
#include "quantick/graph/graph.h"

namespace quantick::graph {

/// Nodes all of whose inputs are parameters or constants (a reshaped gamma, a weight that is scaled or tied) are
/// computed now, and their results become parameters. Outputs keep their bits; training the old graph on does not
/// change the new one's.
Graph with_folded_parameters(const Graph& graph);

}  // namespace quantick::graph
