#pragma once

#include "engine/formats/ebit/bytes.h"
#include "engine/weights/quantized.h"

namespace eigenbit::internal {

/// Writes all of a quantized weight but its shape and levels: axis, blocks, steps. Throws Error where they do not fit.
void write_side_information(ByteWriter& writer, const Quantized& weight);

/// Reads it for a weight of this shape; the levels stay empty. Throws Error.
Quantized read_side_information(ByteReader& reader, const Shape& shape);

}  // namespace eigenbit::internal
