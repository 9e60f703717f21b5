#pragma once

#include "datasets/dataset.h"
#include "engine/base/tensor.h"
#include "engine/graph/graph.h"

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

/// Whether layers read activations that could have a quantizer and have none.
bool lacks_quantizers(const Graph& graph);
/// Gives all candidates without a quantizer one of 8 bits, chosen for these examples. Returns how many got one.
std::int64_t add_quantizers(Graph& graph, ConstView examples, std::uint64_t seed);

/// Throws Error where the network takes batches of a fixed number of images alone, which a compressor cannot work with.
void check_free_batch(const Graph& graph);

}  // namespace eigenbit::internal
