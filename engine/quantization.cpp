#include "engine/quantization.h"

#include "engine/error.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace eigenbit {
namespace {

constexpr int kMostBitDepth = 16;
// Larger ones would make infinite values of the largest indices.
constexpr float kLargestStep = 0x1p60F;
constexpr float kLargestOffset = 0x1p15F;
constexpr float kLargestScale = 0x1p40F;

void validate_block(const QuantizedBlock& block, std::int64_t begin) {
    if (block.begin != begin || block.end <= block.begin) {
        fail("A block of a quantized parameter covers channels {} to {}, expected to begin at {}.", block.begin,
             block.end, begin);
    }
    if (block.bit_depth < 0 || block.bit_depth > kMostBitDepth) {
        fail("A block of a quantized parameter has bit depth {}, expected 0 to {}.", block.bit_depth, kMostBitDepth);
    }
    if (block.bit_depth == 0) return;
    if (!(block.step > 0.0F && block.step <= kLargestStep)) {
        fail("A block of a quantized parameter has the step {}, expected a number above 0, at most {}.", block.step,
             kLargestStep);
    }
    if (!(std::abs(block.offset) <= kLargestOffset)) {
        fail("A block of a quantized parameter has the offset {}, expected at most {}.", block.offset, kLargestOffset);
    }
}

void validate_indices(const Quantization& quantization, const Shape& shape) {
    for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        const int outside = block.bit_depth == 0 ? 1 : 1 << (block.bit_depth - 1);
        const int least = block.bit_depth == 0 ? 0 : -outside;
        for (std::int64_t i = begin; i < end; ++i) {
            const int index = quantization.indices[static_cast<std::size_t>(i)];
            if (index < least || index >= outside) {
                fail("A block of a quantized parameter has the index {}, which bit depth {} cannot hold.", index,
                     block.bit_depth);
            }
        }
    });
}

}  // namespace

void validate(const Quantization& quantization, const Shape& shape) {
    if (quantization.axis < 0 || quantization.axis >= shape.rank()) {
        fail("A quantized parameter of shape {} has its blocks along axis {}.", to_string(shape), quantization.axis);
    }
    if (quantization.indices.size() != static_cast<std::size_t>(shape.elements())) {
        fail("A quantized parameter of shape {} has {} indices.", to_string(shape), quantization.indices.size());
    }
    if (!quantization.channel_scale.empty()
        && quantization.channel_scale.size() != static_cast<std::size_t>(shape[0])) {
        fail("A quantized parameter of shape {} has {} channel scales.", to_string(shape),
             quantization.channel_scale.size());
    }
    for (const float scale : quantization.channel_scale) {
        if (!(std::abs(scale) <= kLargestScale)) {
            fail("A quantized parameter has the channel scale {}, expected at most {}.", scale, kLargestScale);
        }
    }
    std::int64_t position = 0;
    for (const QuantizedBlock& block : quantization.blocks) {
        validate_block(block, position);
        position = block.end;
    }
    if (position != shape[quantization.axis]) {
        fail("The blocks of a quantized parameter cover {} of {} channels.", position, shape[quantization.axis]);
    }
    validate_indices(quantization, shape);
}

Tensor dequantize(const Quantization& quantization, const Shape& shape) {
    validate(quantization, shape);
    Tensor values(shape);
    const std::int64_t per_channel = shape.elements(1, shape.rank());
    for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        if (block.bit_depth == 0) return;
        const auto channel = static_cast<std::size_t>(begin / per_channel);
        const float scale = quantization.channel_scale.empty() ? 1.0F : quantization.channel_scale[channel];
        for (std::int64_t i = begin; i < end; ++i) {
            const auto index = static_cast<float>(quantization.indices[static_cast<std::size_t>(i)]);
            values[i] = block.step * (index + block.offset) * scale;
        }
    });
    return values;
}

float grid_step(int position) {
    constexpr std::array<float, 8> kEighths{0x1p0F,        0x1.172b84p0F, 0x1.306fe0p0F, 0x1.4bfdaep0F,
                                            0x1.6a09e6p0F, 0x1.8ace54p0F, 0x1.ae89fap0F, 0x1.d5818ep0F};
    return std::ldexp(kEighths[static_cast<std::size_t>(position % 8)], position / 8 - 26);
}

std::optional<int> step_grid_position(float step) {
    if (!(step >= grid_step(0) && step <= grid_step(255))) return std::nullopt;
    const int position = static_cast<int>(std::lround(8.0F * std::log2(step))) + 208;
    return grid_step(position) == step ? std::optional(position) : std::nullopt;
}

}  // namespace eigenbit
