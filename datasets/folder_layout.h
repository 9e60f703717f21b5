#pragma once

#include "datasets/dataset.h"

#include <filesystem>

namespace eigenbit::internal {

/// Names of files that list images with their classes.
inline constexpr const char* kLabelList = "labels.csv";
inline constexpr const char* kClassTable = "_classes.csv";  ///< of labelling tools

/// The folder that holds a split's images, with a list of them or in a folder for each class: the one given, the only
/// folder that it wraps, or the one called train, training, or val, valid, validation, test, testing, in any capitals.
/// Throws Error where the split is missing, and where the images have boxes or other labels that are no classes.
std::filesystem::path folder_of_split(const std::filesystem::path& folder, DataSplit split);

}  // namespace eigenbit::internal
