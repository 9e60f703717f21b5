#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace eigenbit::internal {

/// The value that a level of a uniform quantizer stands for: step · (level + offset), the step Δ in units of the
/// values, the offset in steps (equation 5; 0 is the paper's mid-tread quantizer).
constexpr float level_value(float level, float step, float offset) { return step * (level + offset); }

/// The quantizer of the channels begin … end-1 of a weight.
struct QuantizedBlock {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    int bit_depth = 0;  ///< levels lie in −2^(bit_depth−1) … 2^(bit_depth−1)−1; depth 0 means that all values are 0
    float step = 0.0F;    ///< Δ, in units of the weights
    float offset = 0.0F;  ///< in steps

    float value(float level) const { return bit_depth == 0 ? 0.0F : level_value(level, step, offset); }
};

/// A weight as integer levels, in blocks of channels that share a quantizer.
struct Quantized {
    Shape shape;
    int axis = 0;                        ///< the axis of the shape that blocks cut
    std::vector<QuantizedBlock> blocks;  ///< in order, covering the axis
    std::vector<std::int16_t> levels;    ///< one for each weight, row-major
    /// Reads the levels from where they are, a file's bytes, each time that they are needed; null where `levels` has
    /// them.
    std::function<std::vector<std::int16_t>()> read_levels{};
};

}  // namespace eigenbit::internal
