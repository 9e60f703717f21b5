#pragma once

#include "compress/quantized_layer.h"
#include "engine/graph.h"

namespace eigenbit {

/// Replaces a layer by its quantized factors: Θ = S·T becomes two convolutions (method section 1); a basis of the taps
/// becomes a product that synthesises the weights. What the layer puts out keeps its ValueId. Nodes move: rewrite the
/// last layer first, or find the layers again.
void rewrite(Graph& graph, const Layer& layer, QuantizedLayer quantized);

}  // namespace eigenbit
