#pragma once

#include "compress/allocation/allocation.h"
#include "compress/quantization/quantized_layer.h"
#include "compress/statistics/distortion_meter.h"

#include <functional>
#include <span>

namespace eigenbit::internal {

/// How a layer's choice becomes indices: by rounding, or with error feedback.
using LayerQuantizer =
    std::function<BlockIndices(std::size_t layer, const TransformCurves& curves, const LayerChoice& choice)>;

/// Leaves every layer the transform that serves it best at this λ and excludes its others. Predictions are not to be
/// trusted with this: they miss some transforms by more than others, and the choice prefers what looks too good. So
/// each layer is quantized under each of its transforms, as in the end it will be, and put into the network: the one
/// with the least D + ρ·λ·bits is kept, D being the measured change of the output, bits those of the indices, and ρ
/// what measured distortions are of predicted ones over all layers. The same for any number of threads.
void keep_cheapest_transforms(std::span<LayerAlternatives> curves, const Graph& graph, std::span<const Layer> layers,
                              ConstView images, double lambda, const LayerQuantizer& quantize,
                              const MeterOptions& options);

}  // namespace eigenbit::internal
