#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace eigenbit::internal {

/// 8-bit pixels (H, W, C): grey (1 channel) or RGB (3 channels).
struct Image {
    int height = 0;
    int width = 0;
    int channels = 0;
    std::vector<std::uint8_t> pixels;

    bool operator==(const Image&) const = default;
};

/// Reads a JPEG, PNG or BMP file. Transparency is dropped, 16-bit values are rounded down to 8 bits. Throws Error
/// naming the file when it cannot be decoded or ends early.
Image read_image(const std::filesystem::path& path);

/// Writes a PNG file, whole or not at all. Throws Error naming the file when it cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace eigenbit::internal
