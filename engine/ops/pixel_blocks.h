#pragma once

#include "engine/ops/strided.h"

namespace eigenbit::internal {

/// Where elements lie in images whose channels hold blocks of pixels, and in the images of these pixels, along the axes
/// (N, H, dy, W, dx, C) of the latter.
struct PixelBlocks {
    Shape shape;
    Strides blocks;
    Strides pixels;

    /// Of images (N, H, W, height · width · C), whose channels count the pixels of a block first, or their channels.
    PixelBlocks(const Shape& images, std::int64_t height, std::int64_t width, bool depth_first) {
        const std::int64_t channels = images[3] / (height * width);
        shape = Shape{images[0], images[1], height, images[2], width, channels};
        pixels = dense_strides(shape);
        const Strides of_images = dense_strides(images);
        blocks = depth_first ? Strides{of_images[0], of_images[1], width * channels, of_images[2], channels, 1}
                             : Strides{of_images[0], of_images[1], width, of_images[2], 1, height * width};
    }
};

}  // namespace eigenbit::internal
