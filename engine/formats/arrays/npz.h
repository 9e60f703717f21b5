#pragma once

#include "engine/formats/arrays/arrays.h"

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// The arrays of a .npz file, a ZIP archive of .npy files, stored or compressed, by libzip. Throws Error when the
/// archive or an array is damaged.
std::vector<NamedArray> decode_npz(std::span<const std::uint8_t> bytes);
/// An archive of stored files, as numpy.savez writes it.
std::vector<std::uint8_t> encode_npz(const std::vector<NamedArray>& arrays);

}  // namespace eigenbit::internal
