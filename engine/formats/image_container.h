#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

enum class ImageKind { jpeg, png, bmp, other };

/// What an image file is by its first bytes.
ImageKind kind_of_image(std::span<const std::uint8_t> bytes);
/// "a WebP image" and the like, of a kind that is not read; empty for what is no image that is known.
std::string_view name_of_other_image(std::span<const std::uint8_t> bytes);

/// What surrounds the pixels of an image file.
struct ImageContainer {
    std::span<const std::uint8_t> exif{};  ///< the TIFF structure of its Exif data; empty without
    std::size_t first_pixels = 0;  ///< offset of the first bytes of pixels; the file's size where there are none
    std::size_t last_scan = 0;     ///< offset of a JPEG file's last scan, where there are several; else 0
    std::size_t usable = 0;        ///< bytes of a JPEG file before a segment that is cut off
    bool is_progressive = false;   ///< a JPEG file whose scans refine the whole image
    std::vector<std::span<const std::uint8_t>> deflated{};  ///< a PNG file's pixels, the last part perhaps cut off
    std::string_view damage{};  ///< what makes it unsafe to decode; empty where nothing does
    bool is_whole = true;       ///< its end is there
};

/// Walks through segments or chunks as far as they go.
ImageContainer read_jpeg_container(std::span<const std::uint8_t> bytes);
ImageContainer read_png_container(std::span<const std::uint8_t> bytes);
ImageContainer read_bmp_container(std::span<const std::uint8_t> bytes);

}  // namespace eigenbit::internal
