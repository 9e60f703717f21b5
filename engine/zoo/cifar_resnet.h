#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// The residual networks for small images of He et al. 2015 (Deep residual learning, section 4.2): three stages of
/// 16, 32 and 64 channels with blocks_per_stage blocks of two 3×3 convolutions each, shortcuts without parameters
/// (option A: every second pixel, zeros for the new channels). 6 · blocks_per_stage + 2 layers with weights. `image` is
/// (H, W, C).
Graph cifar_resnet(int blocks_per_stage, const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
