#pragma once

#include "engine/graph/graph.h"

#include <cstdint>

namespace eigenbit::internal {

/// DenseNet-BC for CIFAR (Huang et al. 2017, section 3): growth rate 12, bottlenecks, compression 0.5; `depth` − 4 is a
/// multiple of 6. Sides of the image must be at least 4. Throws Error when they are not.
Graph densenet_bc(int depth, const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
