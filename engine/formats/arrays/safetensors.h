#pragma once

#include "engine/formats/arrays/arrays.h"

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// The arrays of a .safetensors file: an 8-byte length, a JSON header of so many bytes that tells each array's type,
/// shape and place, then the data. Throws Error when a place is outside the data or not as large as the shape.
std::vector<NamedArray> decode_safetensors(std::span<const std::uint8_t> bytes);
std::vector<std::uint8_t> encode_safetensors(const std::vector<NamedArray>& arrays);

}  // namespace eigenbit::internal
