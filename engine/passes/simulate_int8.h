#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Makes a network in floats compute what int8 execution computes, up to the rounding of floats: products with inner
/// quantizers become two layers, and the weights of all layers that int8 execution computes in int8 become the values
/// of their int8 weights. Activations are rounded by whoever executes the graph, as its quantizers say.
void simulate_int8(Graph& graph);

/// Gives layers that int8 execution computes in int8 levels of 8 bits, as it rounds their weights to, where these are
/// floats or have levels of more bits.
void round_to_int8(Graph& graph);

}  // namespace eigenbit::internal
