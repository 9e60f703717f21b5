#pragma once

#include "datasets/dataset.h"
#include "engine/base/tensor.h"
#include "engine/graph/model.h"

#include <cstdint>
#include <functional>

namespace eigenbit::internal {

/// A batch of images (n, H, W, C) out of `count`; `taken` images came before it.
using CalibrationVisit = std::function<void(ConstView images, std::int64_t taken, std::int64_t count)>;

/// Calls visit for images that compression looks at: the first `count` of a data set in an order drawn from the seed,
/// as many as there are; of images to be restored, random crops. Labels are not used. All images have the same size.
void for_each_calibration_batch(Dataset dataset, std::int64_t count, std::uint64_t seed, const CalibrationVisit& visit);

/// All of them together, (N, H, W, C).
Tensor calibration_images(Dataset dataset, std::int64_t count, std::uint64_t seed);

/// How many activations got a quantizer, from how many images.
struct AddedQuantizers {
    std::size_t activations = 0;
    std::int64_t images = 0;
};

/// Where layers read activations without a quantizer, gives all candidates that have none one of 8 bits, chosen for
/// images of the data set.
AddedQuantizers quantize_missing_activations(Model& model, const Dataset& dataset, std::uint64_t seed);
/// The same for examples that are no images.
AddedQuantizers quantize_missing_activations(Model& model, const Tensor& examples, std::uint64_t seed);

/// Throws Error where the network takes batches of a fixed number of images alone, which a compressor cannot work with.
void check_free_batch(const Graph& graph);

}  // namespace eigenbit::internal
