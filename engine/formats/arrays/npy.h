#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// An array in NumPy's format (.npy, versions 1 to 3): reals, integers and booleans of up to 64 bits become float32, an
/// array in Fortran's order of elements is put into C's. Throws Error, beginning with `name`, when the bytes are no
/// such array.
Tensor decode_npy(std::span<const std::uint8_t> bytes, std::string_view name);

/// The array in a file. Throws Error naming the file.
Tensor read_npy(const std::filesystem::path& path);

/// The bytes of a .npy file of version 1: float32 in C's order.
std::vector<std::uint8_t> encode_npy(ConstView values);

}  // namespace eigenbit::internal
