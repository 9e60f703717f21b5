#pragma once

#include "compress/allocation/allocation.h"
#include "engine/weights/weight.h"

#include <vector>

namespace eigenbit::internal {

/// Levels of every block of a layer.
using BlockLevels = std::vector<std::vector<std::int16_t>>;

/// Every value of every block rounded by the chosen candidate's quantizer.
BlockLevels round_blocks(const TransformCurves& curves, const LayerChoice& choice);

/// About what a file spends on the layer: R bits for each level for clipped quantizers, estimated_bits for the others,
/// and side information.
double level_bits(const TransformCurves& curves, const LayerChoice& choice, const BlockLevels& levels);

/// The weight that these levels stand for: Quantized without a transform, else a Product. Channels of zero blocks are
/// removed where a stored basis meets them; one channel of zeros stays when there is no other.
Weight quantize_layer(const TransformCurves& curves, const LayerChoice& choice, const BlockLevels& levels);

}  // namespace eigenbit::internal
