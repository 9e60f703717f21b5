#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// ResNet-18 and ResNet-50 for large images (He et al. 2015, Deep residual learning, table 1): a 7×7 convolution, four
/// stages of 64, 128, 256 and 512 channels, shortcuts with 1×1 convolutions where the shape changes. A bottleneck's
/// stride is in its 3×3 convolution, as networks are trained today. `image` is (H, W, C); 11,689,512 and 25,557,032
/// parameters for (224, 224, 3) and 1,000 classes.
Graph imagenet_resnet18(const Shape& image, std::int64_t classes, std::uint64_t seed);
Graph imagenet_resnet50(const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
