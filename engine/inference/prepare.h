#pragma once

#include "engine/graph.h"

#include <span>

namespace eigenbit {

/// Rewrites a network so that it needs less work for inputs of these shapes and puts out the same: dropout is left
/// out, what depends on parameters alone is computed once, batch normalizations become a part of the layers before
/// them, and factors are merged (merge_factors).
void prepare_for_inference(Graph& graph, std::span<const Shape> inputs);

/// Makes one layer of two in a row with nothing between them, of which one is pointwise, where that takes fewer or as
/// many multiplications: the factors S and T of a compressed layer become Θ = S·T again if too few of their channels
/// were zero. Returns how many pairs were merged.
int merge_factors(Graph& graph, std::span<const Shape> inputs);

}  // namespace eigenbit
