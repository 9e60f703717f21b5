#pragma once

#include "compress/quantization/block.h"

#include <functional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// The candidate chosen for every block of a layer under one of its transforms.
struct LayerChoice {
    std::size_t option = 0;               ///< which of the layer's transforms
    std::vector<std::size_t> candidates;  ///< one for each block, an index into its curve
    double bits = 0.0;
    double distortion = 0.0;  ///< the sum over the blocks
};

/// A choice for every layer, all at one trade-off λ (equation 8).
struct Allocation {
    double lambda = 0.0;
    std::vector<LayerChoice> layers;

    double bits() const;
    double distortion() const;
};

/// A layer's possible transforms, each with its blocks' curves.
using LayerAlternatives = std::vector<TransformCurves>;

/// The candidates of a layer's blocks, under this transform, that minimise D + λ·bits. Rows of T and the columns of the
/// stored basis that they meet vanish together.
LayerChoice choose_candidates(const TransformCurves& layer, double lambda);

/// Algorithm 1: every layer takes the transform, and every block the candidate, that minimise D + λ·bits. The plain
/// minimum over all candidates finds points of the lower convex hull only, without having to build it.
Allocation allocate(std::span<const LayerAlternatives> layers, double lambda);

/// The finest allocation whose cost is at most the target, by bisection on log λ; cost must not fall when λ falls.
/// Where layers of a large network change their transform at one λ and leave much of the target unused, all keep theirs
/// and λ falls further. Throws Error when even the coarsest costs more.
Allocation allocate_within(std::span<const LayerAlternatives> layers, double target,
                           const std::function<double(const Allocation&)>& cost);

}  // namespace eigenbit::internal
