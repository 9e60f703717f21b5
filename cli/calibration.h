#pragma once

#include "datasets/dataset.h"
#include "engine/model.h"
#include "engine/tensor.h"

#include <cstdint>
#include <functional>

namespace eigenbit {

/// A batch of images (n, H, W, C), of which `taken` came before in `count` altogether.
using CalibrationVisit = std::function<void(ConstView images, std::int64_t taken, std::int64_t count)>;

/// Calls visit for images that compression looks at: the first `count` of a data set in an order drawn from the seed,
/// as many as there are; of images to be restored, random crops. Labels are not used. All images have the same size.
void for_each_calibration_batch(Dataset dataset, std::int64_t count, std::uint64_t seed, const CalibrationVisit& visit);

/// All of them together, (N, H, W, C).
Tensor calibration_images(Dataset dataset, std::int64_t count, std::uint64_t seed);

/// Where layers read activations without a grid, gives what is worth rounding one of 8 bits, for images of the data
/// set; says how many there were.
void calibrate_missing_grids(Model& model, const Dataset& dataset, std::uint64_t seed);

}  // namespace eigenbit
