#pragma once

#include "engine/graph/graph.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace eigenbit::internal {

struct NamedTensor {
    std::string name;
    Tensor values;
};

/// All that a training run needs to go on as if it had never stopped. Nothing random is in it: batches, augmentation
/// and dropout are functions of seed and epoch.
struct Checkpoint {
    std::string settings;  ///< what must be the same for the run to be the same run, as text for people to compare
    std::vector<std::uint8_t> network{};  ///< .ebit file of the network before training; empty where it was not given
    bool learns_steps = false;            ///< of quantizers
    std::int64_t epochs = 0;              ///< finished
    std::int64_t steps = 0;               ///< done of the epoch after these
    double loss_sum = 0.0;                ///< of these steps
    double best_score = 0.0;              ///< of the validation so far
    std::int64_t best_epoch = 0;          ///< counted from 1; 0 for the weights before any
    std::vector<NamedTensor> parameters{};
    std::vector<NamedTensor> optimizer{};
    std::vector<NamedTensor> best_parameters{};  ///< empty before any
};

/// Writes the file whole or not at all, with a checksum.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Throws Error naming the file when it is no checkpoint, ends early or is damaged.
Checkpoint read_checkpoint(const std::filesystem::path& path);
/// Whether the file begins like a checkpoint, of whatever version.
bool is_checkpoint(const std::filesystem::path& path);

/// A tensor that a checkpoint is taken of and restored to.
struct TensorSlot {
    std::string name;
    Tensor* values;
};

std::vector<NamedTensor> copy_tensors(const std::vector<TensorSlot>& slots);

/// Overwrites the slots' values with those read from a checkpoint at `path`. Throws Error where names or shapes differ.
void restore_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& saved,
                     const std::vector<TensorSlot>& slots);

}  // namespace eigenbit::internal
