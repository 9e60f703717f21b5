#include "engine/base/quantized.h"

#include <algorithm>

namespace eigenbit::internal {

Shape block_shape(const Quantized& weight, std::size_t block) {
    Shape shape = weight.shape;
    shape[weight.axis] = weight.blocks[block].end - weight.blocks[block].begin;
    return shape;
}

std::vector<std::int16_t> block_levels(const Quantized& weight, std::size_t block) {
    if (weight.source) return weight.source.block(block);
    const std::int64_t inner = weight.shape.elements(weight.axis + 1, weight.shape.rank());
    const std::int64_t row = weight.shape[weight.axis] * inner;
    std::vector<std::int16_t> levels;
    levels.reserve(static_cast<std::size_t>(block_shape(weight, block).elements()));
    for (std::int64_t outer = 0; outer < weight.shape.elements(0, weight.axis); ++outer) {
        const auto begin = weight.levels.begin() + outer * row;
        levels.insert(levels.end(), begin + weight.blocks[block].begin * inner,
                      begin + weight.blocks[block].end * inner);
    }
    return levels;
}

}  // namespace eigenbit::internal
