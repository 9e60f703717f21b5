#pragma once

#include "engine/tensor.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace eigenbit {

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

/// The weight with its levels in memory. Throws Error where they cannot be read.
Quantized loaded(Quantized weight);

/// Throws Error when blocks, levels or steps do not fit the shape or each other. Levels that are not in memory are not
/// looked at.
void validate(const Quantized& weight);

/// The values that the levels stand for. Throws Error as validate does.
Tensor image(const Quantized& weight);

/// Calls visit(block, begin, end) for every run of neighbouring elements that belong to one block.
template <typename Visit>
void for_each_run(const Quantized& weight, const Visit& visit) {
    const std::int64_t extent = weight.shape[weight.axis];
    const std::int64_t inner = weight.shape.elements(weight.axis + 1, weight.shape.rank());
    for (std::int64_t outer = 0; outer < weight.shape.elements(0, weight.axis); ++outer) {
        for (const QuantizedBlock& block : weight.blocks) {
            visit(block, (outer * extent + block.begin) * inner, (outer * extent + block.end) * inner);
        }
    }
}

}  // namespace eigenbit
