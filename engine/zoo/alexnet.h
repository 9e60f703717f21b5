#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// AlexNet in its single-tower form (Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks).
/// `image` is (H, W, C); 61,100,840 parameters for (224, 224, 3) and 1,000 classes, nearly all in three fully-connected
/// layers.
Graph alexnet(const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
