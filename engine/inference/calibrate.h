#pragma once

#include "engine/graph.h"

namespace eigenbit {

/// Whether a convolution or fully-connected layer reads a value that has no grid: bytes cannot carry all of the
/// network.
bool lacks_grids(const Graph& graph);

/// Where that is so, gives all that is worth rounding and has no grid one of 8 bits, over the range that it has for
/// these images (N, H, W, C). Returns how many got one.
int calibrate(Graph& graph, ConstView images);

}  // namespace eigenbit
