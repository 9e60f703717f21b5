#include "engine/weights/quantized.h"

#include "engine/base/error.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr int kMostBitDepth = 16;
// Larger ones would make infinite values of the largest levels.
constexpr float kLargestStep = 0x1p60F;
constexpr float kLargestOffset = 0x1p15F;

void validate_block(const QuantizedBlock& block, std::int64_t begin) {
    if (block.begin != begin || block.end <= block.begin) {
        fail("A block of a quantized weight covers channels {} to {}, expected to begin at {}.", block.begin, block.end,
             begin);
    }
    if (block.bit_depth < 0 || block.bit_depth > kMostBitDepth) {
        fail("A block of a quantized weight has bit depth {}, expected 0 to {}.", block.bit_depth, kMostBitDepth);
    }
    if (block.bit_depth == 0) return;
    if (!(block.step > 0.0F && block.step <= kLargestStep)) {
        fail("A block of a quantized weight has the step {}, expected a number above 0, at most {}.", block.step,
             kLargestStep);
    }
    if (!(std::abs(block.offset) <= kLargestOffset)) {
        fail("A block of a quantized weight has the offset {}, expected at most {}.", block.offset, kLargestOffset);
    }
}

void validate_levels(const Quantized& weight) {
    for_each_run(weight, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        const int outside = block.bit_depth == 0 ? 1 : 1 << (block.bit_depth - 1);
        const int least = block.bit_depth == 0 ? 0 : -outside;
        const auto [lowest, highest] = level_range(
            std::span(weight.levels).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
        if (lowest >= least && highest < outside) return;
        fail("A block of a quantized weight has the level {}, which bit depth {} cannot hold.",
             lowest < least ? lowest : highest, block.bit_depth);
    });
}

}  // namespace

std::pair<std::int16_t, std::int16_t> level_range(std::span<const std::int16_t> levels) {
    std::int16_t lowest = 0;
    std::int16_t highest = 0;
    for (const std::int16_t level : levels) {
        lowest = std::min(lowest, level);
        highest = std::max(highest, level);
    }
    return {lowest, highest};
}

void validate(const Quantized& weight) {
    if (weight.axis < 0 || weight.axis >= weight.shape.rank()) {
        fail("A quantized weight of shape {} has its blocks along axis {}.", to_string(weight.shape), weight.axis);
    }
    if (!weight.source && weight.levels.size() != static_cast<std::size_t>(weight.shape.elements())) {
        fail("A quantized weight of shape {} has {} levels.", to_string(weight.shape), weight.levels.size());
    }
    std::int64_t position = 0;
    for (const QuantizedBlock& block : weight.blocks) {
        validate_block(block, position);
        position = block.end;
    }
    if (position != weight.shape[weight.axis]) {
        fail("The blocks of a quantized weight cover {} of {} channels.", position, weight.shape[weight.axis]);
    }
    if (!weight.source) validate_levels(weight);
}

Quantized loaded(Quantized weight) {
    if (!weight.source) return weight;
    weight.levels = weight.source.all();
    weight.source = {};
    return weight;
}

Tensor image(const Quantized& weight) {
    if (weight.source) return image(loaded(weight));
    validate(weight);
    Tensor values(weight.shape);
    for_each_run(weight, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            values[i] = block.value(weight.levels[static_cast<std::size_t>(i)]);
        }
    });
    return values;
}

}  // namespace eigenbit::internal
