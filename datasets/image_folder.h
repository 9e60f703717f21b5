#pragma once

#include "datasets/dataset.h"

#include <filesystem>

namespace eigenbit::internal {

/// JPEG, PNG and BMP files of a split's folder (folder_of_split), decoded when they are read. Either
/// `labels.csv` lists them (parse_label_list), or `_classes.csv` (parse_class_table); or each class is a folder with
/// all that lies below it, in the order of their names, and the examples take the classes in turn, so that the first N
/// are balanced. Where neither is there, the folder's own images are examples without labels. Throws Error naming the
/// folder, file or line that is wrong.
Dataset open_image_folder(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing);

/// What most published ImageNet networks expect: 224x224 pixels out of a shorter side of 256.
Preprocessing image_folder_preprocessing();

}  // namespace eigenbit::internal
