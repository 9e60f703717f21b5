#pragma once

#include "cli/results.h"
#include "include/eigenbit/prediction.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace eigenbit::cli {

/// Whether an argument of run is an array, FILE.npy or NAME=FILE.npy, and not an image.
bool is_array(const std::filesystem::path& argument);
/// The file of such an argument.
std::filesystem::path array_file(const std::filesystem::path& argument);

/// Runs a network on arrays: on one after the other where it has one input, else on one for each of its inputs, by
/// name. All outputs are shown and, where a folder is given, written there as NAME.OUTPUT.npy.
void run_arrays(const Model& model, Arithmetic arithmetic, std::span<const std::filesystem::path> arguments,
                const std::filesystem::path& folder, Results& results);

/// What an output holds: its shape, its first values and their range.
Results print_values(const Array& output);

}  // namespace eigenbit::cli
