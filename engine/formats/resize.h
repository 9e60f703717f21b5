#pragma once

#include "engine/formats/image.h"

namespace eigenbit::internal {

/// Bilinear, antialiased: a triangle filter that widens with the reduction, weights in 22-bit fixed point, first along
/// rows, then along columns, each rounded to 8 bits. Agrees with Pillow's BILINEAR to the bit.
Image resize(const Image& image, int height, int width);

/// Resizes so that the shorter side has this many pixels; the longer one is rounded down.
void resize_shorter_side(Image& image, int pixels);

}  // namespace eigenbit::internal
