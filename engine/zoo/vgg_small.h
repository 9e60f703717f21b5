#pragma once

#include "engine/graph/graph.h"

#include <cstdint>

namespace eigenbit::internal {

/// The VGG-Small that networks of few bits are compared on (Zhang et al. 2018, LQ-Nets, section 4.1): two convolutions
/// each of 128, 256 and 512 channels, pooled after each two, and one fully-connected layer.
Graph vgg_small(const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
