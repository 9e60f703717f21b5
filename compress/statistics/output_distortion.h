#pragma once

#include "engine/graph/graph.h"

#include <vector>

namespace eigenbit::internal {

/// The mean over images (N, H, W, C) and output elements of (ŷ − y)², for the outputs of two networks of the same
/// outputs; the compressed one as it runs (simulate_int8), for which it was corrected.
double output_distortion(const Graph& original, const Graph& compressed, ConstView images);

/// That of every layer's compressed weight alone, in the float network.
std::vector<double> layer_distortions(const Graph& original, const Graph& compressed, ConstView images);

/// The mean over images (N, H, W, C) and output elements of the squared distance from an element's mean over the
/// images; of one image, of the squares.
double output_variance(const Graph& graph, ConstView images);

/// Σ (a − b)² over all elements.
double squared_distance(ConstView a, ConstView b);

}  // namespace eigenbit::internal
