#pragma once

#include "engine/formats/image.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

using Bytes = std::vector<std::uint8_t>;

/// A JPEG file of a grey or RGB image.
Bytes jpeg_bytes(const Image& image);
/// A PNG file of an image with 1 to 4 channels, the last one of 2 or 4 its opacity.
Bytes png_bytes(const Image& image);

/// A BMP file of an RGB image.
Bytes bmp_bytes(const Image& image);

/// Exif data, as a TIFF structure, that say how the camera was held.
Bytes exif_bytes(int orientation, bool big_endian);
/// The file with Exif data.
Bytes with_exif(const Bytes& file, const Bytes& exif);

/// The first bytes of a file of this kind: "WebP", "AVIF", "HEIC", "GIF", "TIFF", "JPEG XL" or "JPEG 2000".
Bytes other_image_bytes(std::string_view kind);

}  // namespace eigenbit::internal
