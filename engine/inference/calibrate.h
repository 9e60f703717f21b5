#pragma once

#include "engine/graph.h"

#include <set>

namespace eigenbit {

/// The values that a convolution or fully-connected layer reads and that have no grid.
std::set<ValueId> values_without_grid(const Graph& graph);

/// Where there are such values, gives them and what else is worth rounding a grid of 8 bits over the range that they
/// have for these images (N, H, W, C). Returns how many.
int calibrate(Graph& graph, ConstView images);

}  // namespace eigenbit
