#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Rewrites a network so that it needs less work and computes the same: dropout is left out, what depends on parameters
/// alone is computed once, products that are meant to run as two layers become two (expand_products), and batch
/// normalizations become a part of the layers before them.
void prepare_for_inference(Graph& graph);

}  // namespace eigenbit::internal
