#pragma once

#include "datasets/dataset.h"
#include "engine/tensor.h"

#include <cstdint>

namespace eigenbit {

/// Images (N, H, W, C) that compression looks at: the first `count` of a data set in an order drawn from the seed, as
/// many as there are; of images to be restored, random crops. Labels are not used.
Tensor calibration_images(Dataset dataset, std::int64_t count, std::uint64_t seed);

}  // namespace eigenbit
