#pragma once

#include "engine/parameter.h"

#include <optional>

namespace eigenbit {

/// Throws Error when blocks, indices, steps or scales of a quantization do not fit a parameter of this shape or each
/// other.
void validate(const Quantization& quantization, const Shape& shape);

/// The values that a quantization of a parameter of this shape stands for. Throws Error as validate does.
Tensor dequantize(const Quantization& quantization, const Shape& shape);

/// Calls visit(block, begin, end) for every run of neighbouring elements of a quantized parameter that belong to one
/// block and one output channel.
template <typename Visit>
void for_each_run(const Quantization& quantization, const Shape& shape, const Visit& visit) {
    const int axis = quantization.axis;
    const std::int64_t inner = shape.elements(axis + 1, shape.rank());
    const std::int64_t per_channel = axis == 0 ? inner : shape[axis] * inner;
    for (std::int64_t outer = 0; outer < shape.elements(0, axis); ++outer) {
        for (const QuantizedBlock& block : quantization.blocks) {
            const std::int64_t end = (outer * shape[axis] + block.end) * inner;
            const std::int64_t length = axis == 0 ? per_channel : (block.end - block.begin) * inner;
            for (std::int64_t i = (outer * shape[axis] + block.begin) * inner; i < end; i += length) {
                visit(block, i, i + length);
            }
        }
    }
}

/// The steps that files store in one byte: 2^((position − 208) / 8), eighths of octaves from 2⁻²⁶ to 2⁵·⁸⁷⁵, for
/// positions 0 … 255.
float grid_step(int position);
/// The position of exactly this step, if it is one of them.
std::optional<int> step_grid_position(float step);

}  // namespace eigenbit
