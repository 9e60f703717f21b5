#pragma once

#include "engine/base/error.h"
#include "engine/base/tensor.h"
#include "engine/formats/file.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Reads an array of little-endian float32 in C order from a NumPy file of version 1.
inline Tensor read_npy(const std::filesystem::path& path) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY\x01", 7) != 0)
        fail("{} is no npy file", path.string());
    const std::size_t start = 10 + bytes[8] + 256U * bytes[9];
    const std::string header(bytes.begin() + 10, bytes.begin() + static_cast<std::ptrdiff_t>(start));
    if (header.find("'<f4'") == std::string::npos || header.find("'fortran_order': False") == std::string::npos) {
        fail("{} does not hold float32 in C order", path.string());
    }
    std::string extents = header.substr(header.find("'shape': (") + 10);
    extents.resize(extents.find(')'));
    std::replace(extents.begin(), extents.end(), ',', ' ');
    std::istringstream stream(extents);
    std::vector<std::int64_t> shape;
    for (std::int64_t extent = 0; stream >> extent;) shape.push_back(extent);
    Tensor result{Shape{std::span<const std::int64_t>(shape)}};
    if (bytes.size() != start + result.values().size_bytes()) fail("{} has the wrong size", path.string());
    std::memcpy(result.data(), bytes.data() + start, result.values().size_bytes());
    return result;
}

}  // namespace eigenbit::internal
