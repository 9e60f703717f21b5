#pragma once

#include "engine/base/quantized.h"

#include <cstdint>
#include <span>
#include <utility>

namespace eigenbit::internal {

/// The weight with its levels in memory. Throws Error where they cannot be read.
Quantized loaded(Quantized weight);

/// The lowest and the highest of the levels and 0.
std::pair<std::int16_t, std::int16_t> level_range(std::span<const std::int16_t> levels);

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

}  // namespace eigenbit::internal
