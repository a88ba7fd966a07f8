#pragma once
#include "quantick/graph/graph.h"

namespace quantick::graph {

/// Each batch normalization at inference that follows a dense, a convolution or a causal_convolution alone becomes part
/// of its weight and bias, computed in float64 and stored in the weight's dtype. Outputs keep their values up to
/// rounding. Weights are those of now: training the old graph on does not change the new one's.
Graph with_folded_batch_norm(const Graph& graph);

}  // namespace quantick::graph
