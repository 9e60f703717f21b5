#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// The mean over images (N, H, W, C) and output elements of (ŷ − y)², for the outputs of two networks of the same
/// outputs.
double output_distortion(const Graph& original, const Graph& compressed, ConstView images);

/// Σ (a − b)² over all elements.
double squared_distance(ConstView a, ConstView b);

}  // namespace eigenbit::internal
