#pragma once

#include "datasets/dataset.h"

#include <filesystem>

namespace eigenbit::internal {

/// Labelled JPEG, PNG and BMP files, decoded when they are read. Either `labels.csv` lists them in lines `file,class`,
/// where the class is an index or a name, after an optional header line; or each class is a folder, in the order of
/// their names, and the examples take the classes in turn, so that the first N are balanced. Where the folder has
/// train/ and val/ (or test/), the split's one is taken. Throws Error naming the folder, file or line that is wrong.
Dataset open_image_folder(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing);

/// What most published ImageNet networks expect: 224x224 pixels out of a shorter side of 256.
Preprocessing image_folder_preprocessing();

}  // namespace eigenbit::internal
