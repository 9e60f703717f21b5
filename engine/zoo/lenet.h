#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// LeNet-5 (LeCun et al. 1998, Gradient-based learning applied to document recognition) as it is trained today: ReLU,
/// max pooling, all maps of the second convolution connected. `image` is (H, W, C); 61,706 parameters for (28, 28, 1)
/// and 10 classes.
Graph lenet5(const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
