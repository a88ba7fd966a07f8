#pragma once
#include "quantick/graph/graph.h"

namespace quantick::graph {

/// Each product of a computed tensor and a parameter or constant matrix (x @ w, as blocks write it that keep their
/// weights themselves) becomes the operator dense, which knows what weights are. Outputs keep their values up to
/// rounding. Weights are those of now: training the old graph on does not change the new one's.
Graph with_dense_of_matmul(const Graph& graph);

}  // namespace quantick::graph
