#pragma once

#include "datasets/dataset.h"

#include <filesystem>

namespace eigenbit::internal {

/// Removing noise: each image of the folder, to be restored from itself with Gaussian noise of standard deviation
/// `noise` (in units of 0 … 1) added, which is neither clamped nor rounded. The preprocessing's resize and crop are
/// left aside.
Dataset open_denoising(const std::filesystem::path& folder, float noise, std::uint64_t noise_seed,
                       Preprocessing preprocessing);

/// Super-resolution: each image of the first folder, to be restored from the image of the second whose name is the
/// same, perhaps with x2, x3 … or _x2 … after it. The first pair tells the scale; excess rows and columns of larger
/// images are left out. Throws Error naming an image without its pair.
Dataset open_super_resolution(const std::filesystem::path& high_folder, const std::filesystem::path& low_folder,
                              Preprocessing preprocessing);

/// Values 0 … 1 as they are.
Preprocessing denoising_preprocessing();
Preprocessing super_resolution_preprocessing();

}  // namespace eigenbit::internal
