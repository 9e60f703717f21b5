#pragma once

#include "compress/allocation/allocation.h"
#include "compress/quantization/quantized_layer.h"
#include "compress/statistics/distortion_meter.h"

#include <functional>
#include <span>

namespace eigenbit::internal {

/// How a layer's choice becomes levels: by rounding, or with error feedback.
using LayerQuantizer =
    std::function<BlockLevels(std::size_t layer, const TransformCurves& curves, const LayerChoice& choice)>;

/// Keeps the best transform of every layer at this λ and disables its others. Predicted distortions do not decide: they
/// miss some transforms by more than others, and the choice prefers those that look too good. So each layer is
/// quantized under each of its transforms, as the result will be, and run in the network. The transform with the least
/// D + ρ·λ·bits is kept: D is the measured change of the output, bits those of the levels, and ρ the ratio of measured
/// to predicted distortions over all layers. The same for any number of threads.
void keep_cheapest_transforms(std::span<LayerAlternatives> curves, const Graph& graph, std::span<const Layer> layers,
                              ConstView images, double lambda, const LayerQuantizer& quantize,
                              const MeterOptions& options);

}  // namespace eigenbit::internal
