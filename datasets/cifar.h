#pragma once

#include "datasets/dataset.h"

#include <filesystem>

namespace eigenbit::internal {

/// CIFAR-10 in the binary version of its publisher (Krizhevsky 2009): data_batch_1.bin … data_batch_5.bin to train,
/// test_batch.bin to test; names from batches.meta.txt where it is there. Throws Error naming a missing or damaged
/// file.
Dataset open_cifar10(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing);

/// CIFAR-100 likewise: train.bin, test.bin, the 100 fine labels, names from fine_label_names.txt.
Dataset open_cifar100(const std::filesystem::path& folder, DataSplit split, const Preprocessing& preprocessing);

/// What the published CIFAR networks were trained with: ImageNet's mean and standard deviation.
Preprocessing cifar_preprocessing();

}  // namespace eigenbit::internal
