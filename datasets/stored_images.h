#pragma once

#include "datasets/dataset.h"

namespace eigenbit::internal {

/// Labelled images of one size, kept in memory.
struct StoredImages {
    std::string folder;  ///< for messages
    int height = 0;
    int width = 0;
    int channels = 0;
    std::vector<std::uint8_t> pixels;  ///< (N, H, W, C)
    std::vector<int> labels;
};

/// A data set of these images. Where the preprocessing does not crop, its crop becomes the size the images have after
/// resizing.
Dataset to_dataset(StoredImages images, Preprocessing preprocessing);

}  // namespace eigenbit::internal
