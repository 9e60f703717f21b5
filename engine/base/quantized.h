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

/// Reads the levels of a weight from where they are, a file's bytes, each time that they are needed.
struct LevelSource {
    std::function<std::vector<std::int16_t>()> all;                        ///< row-major
    std::function<std::vector<std::int16_t>(std::size_t position)> block;  ///< of one block, row-major

    explicit operator bool() const { return all != nullptr; }
};

/// A weight as integer levels, in blocks of channels that share a quantizer.
struct Quantized {
    Shape shape;
    int axis = 0;                        ///< the axis of the shape that blocks cut
    std::vector<QuantizedBlock> blocks;  ///< in order, covering the axis
    std::vector<std::int16_t> levels;    ///< one for each weight, row-major; empty where there is a source
    LevelSource source{};                ///< none where the levels are in memory
};

/// The shape of the part of a weight that a block covers.
Shape block_shape(const Quantized& weight, std::size_t block);

/// The levels of that part, row-major. Throws Error where they cannot be read.
std::vector<std::int16_t> block_levels(const Quantized& weight, std::size_t block);

}  // namespace eigenbit::internal
