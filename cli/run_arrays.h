#pragma once

#include "api/model_file.h"
#include "cli/results.h"
#include "evaluation/network_runner.h"

#include <filesystem>
#include <span>
#include <string>

namespace eigenbit::internal {

/// Whether an argument of run is an array, FILE.npy or NAME=FILE.npy, and not an image.
bool is_array(const std::filesystem::path& argument);
/// The file of such an argument.
std::filesystem::path array_file(const std::filesystem::path& argument);

/// Runs a network on arrays: on one after the other where it has one input, else on one for each of its inputs, by
/// name. All outputs are shown and, where a folder is given, written there as NAME.OUTPUT.npy.
void run_arrays(const Model& model, NetworkRunner::Mode mode, std::span<const std::filesystem::path> arguments,
                const std::filesystem::path& folder, Results& results);

/// What an output holds: its shape, its first values and their range.
Results print_values(ConstView output);

}  // namespace eigenbit::internal
