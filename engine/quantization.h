#pragma once

#include "engine/parameter.h"

#include <optional>

namespace eigenbit {

/// Throws Error when blocks, indices, steps or scales of a quantization do not fit a parameter of this shape or each
/// other.
void validate(const Quantization& quantization, const Shape& shape);

/// The values that a quantization of a parameter of this shape stands for. Throws Error as validate does.
Tensor dequantize(const Quantization& quantization, const Shape& shape);

/// The steps that files store in one byte: 2^((position − 208) / 8), eighths of octaves from 2⁻²⁶ to 2⁵·⁸⁷⁵, for
/// positions 0 … 255.
float grid_step(int position);
/// The position of exactly this step, if it is one of them.
std::optional<int> step_grid_position(float step);

}  // namespace eigenbit
