#pragma once

#include "compress/allocation.h"
#include "engine/parameter.h"

#include <vector>

namespace eigenbit {

/// A layer's factors as integers, Θ̂ = S·T.
struct QuantizedLayer {
    struct QuantizedBasis {
        Axis axis = Axis::row;
        Parameter synthesis;  ///< (extent, k); of a cosine transform not quantized
    };

    Transform transform;
    Axis block_axis = Axis::row;
    Parameter coefficients;  ///< (O, taps, I), an axis being k long where a basis mixes it
    std::vector<QuantizedBasis> bases;
};

/// Indices of every block of a layer.
using BlockIndices = std::vector<std::vector<std::int16_t>>;

/// Every value of every block rounded by the chosen candidate's quantizer.
BlockIndices round_blocks(const LayerCurves& curves, const LayerChoice& choice);

/// About what a file spends on the layer: R bits an index for clipped quantizers, estimated_bits for the others, and
/// side information.
double index_bits(const LayerCurves& curves, const LayerChoice& choice, const BlockIndices& indices);

/// The layer that these indices stand for. Channels of zero blocks are removed where a stored basis meets
/// them; one channel of zeros stays when there is no other.
QuantizedLayer quantize_layer(const LayerCurves& curves, const LayerChoice& choice, const BlockIndices& indices);

/// The weights (O, taps, I) that the layer computes with.
Tensor synthesize(const QuantizedLayer& layer);

}  // namespace eigenbit
