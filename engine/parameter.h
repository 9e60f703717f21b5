#pragma once

#include "engine/tensor.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace eigenbit {

/// How the channels begin … end-1 of a quantized parameter are represented:
/// value = channel_scale · step · (index + offset); with bit depth 0 all values are 0.
struct QuantizedBlock {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    int bit_depth = 0;  ///< indices lie in −2^(bit_depth−1) … 2^(bit_depth−1)−1; depth 0 means that all are 0
    float step = 0.0F;  ///< Δ, in units of the weights
    float offset = 0.0F;  ///< in steps; 0 for the paper's mid-tread quantizer
};

/// A parameter's integer form.
struct Quantization {
    int axis = 0;                        ///< which axis the blocks cut
    std::vector<QuantizedBlock> blocks;  ///< in order, covering the axis
    std::vector<std::int16_t> indices;   ///< one for each weight, laid out like the values
    std::vector<float> channel_scale;    ///< empty, or one gain for each output channel (axis 0)
    bool is_basis = false;  ///< a factor S of a transform, not a layer's kernel: sizes are told apart by it
};

/// A network's weights, float or quantized. Float operators compute with the values; integer kernels ask for the
/// quantization, from which the values follow.
struct Parameter {
    Tensor values;
    std::optional<Quantization> quantization;
};

}  // namespace eigenbit
