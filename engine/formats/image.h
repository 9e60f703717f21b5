#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
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

/// Reads a JPEG, PNG or BMP file, turned upright as its Exif data say. Transparent pixels are laid over white, with a
/// warning; 16-bit values are rounded down to 8 bits. Of a file that ends early, what is missing is grey, or black in
/// BMP files, and a warning names it. Throws Error naming the file when nothing of it can be decoded, and what it is
/// where it is an image of another kind.
Image read_image(const std::filesystem::path& path);

/// The same of a file's bytes.
Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name);

/// Writes a PNG file, whole or not at all. Throws Error naming the file when it cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace eigenbit::internal
