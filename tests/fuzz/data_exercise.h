#pragma once

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// Reads bytes as each of the files that data come from: images, lists of labels, idx and CIFAR files, Exif data.
/// Throws Error for nothing. Returns how many readers took them.
int exercise_data(std::span<const std::uint8_t> bytes);

}  // namespace eigenbit::internal
