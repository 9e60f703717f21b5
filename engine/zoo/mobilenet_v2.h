#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// MobileNet-v2 (Sandler et al. 2018, table 2): inverted residual blocks of 1×1, depthwise 3×3 and 1×1 convolutions.
/// `image` is (H, W, C); 3,504,872 parameters for (224, 224, 3) and 1,000 classes. The CIFAR form keeps the resolution
/// in the stem and in the second stage, whose strides are 1.
Graph mobilenet_v2(const Shape& image, std::int64_t classes, std::uint64_t seed);
Graph cifar_mobilenet_v2(const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
