#pragma once

#include "engine/formats/ebit_bytes.h"
#include "engine/parameter.h"

namespace eigenbit {

/// Writes all of a quantization but its indices: axis, blocks, steps, channel scales.
void write_side_information(ByteWriter& writer, const Quantization& quantization, const Shape& shape);

/// Reads it for a parameter of this shape; the indices stay empty. Throws Error.
Quantization read_side_information(ByteReader& reader, const Shape& shape);

}  // namespace eigenbit
