#pragma once

#include "engine/formats/image.h"

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// How the camera was held, 1 … 8, as Exif's tag 0x0112 says in the TIFF structure that Exif data are; 1, upright,
/// where they are damaged or say nothing.
int exif_orientation(std::span<const std::uint8_t> tiff);

/// The image as it is meant to be seen, given its orientation.
Image upright(Image image, int orientation);

}  // namespace eigenbit::internal
