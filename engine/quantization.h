#pragma once

#include "engine/parameter.h"

namespace eigenbit {

/// The values that a quantization of a parameter of this shape stands for. Throws Error when blocks, indices or scales
/// do not fit the shape.
Tensor dequantize(const Quantization& quantization, const Shape& shape);

}  // namespace eigenbit
