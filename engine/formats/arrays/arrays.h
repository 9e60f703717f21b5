#pragma once

#include "engine/base/tensor.h"

#include <filesystem>
#include <string>
#include <vector>

namespace eigenbit::internal {

struct NamedArray {
    std::string name;
    Tensor values;
};

/// Reads all arrays of numbers of a .npz (NumPy) or .safetensors file, as its extension says; all become float32.
/// Throws Error, naming the file, when it is neither, damaged, or holds what float32 cannot stand for, such as texts.
std::vector<NamedArray> read_arrays(const std::filesystem::path& path);

/// Writes such a file of float32 arrays, whole or not at all. Throws Error when it is neither, or cannot be written.
void write_arrays(const std::filesystem::path& path, const std::vector<NamedArray>& arrays);

/// Whether the extension is that of a file of arrays.
bool is_array_file(const std::filesystem::path& path);

}  // namespace eigenbit::internal
