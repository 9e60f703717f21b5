#pragma once

#include "datasets/dataset.h"

#include <filesystem>

namespace eigenbit::internal {

/// MNIST's handwritten digits (LeCun et al. 1998) from idx files, plain or gzip-compressed, named like
/// train-images-idx3-ubyte or train-images.idx3-ubyte. Throws Error naming a missing or damaged file.
Dataset open_mnist(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing);

/// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), articles of clothing in files like MNIST's.
Dataset open_fashion(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing);

/// Where Debian's package dataset-fashion-mnist puts it; $EIGENBIT_FASHION_MNIST names another folder.
std::filesystem::path fashion_folder();

/// The mean and standard deviation of their training images.
Preprocessing mnist_preprocessing();
Preprocessing fashion_preprocessing();

}  // namespace eigenbit::internal
