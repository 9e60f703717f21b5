#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace eigenbit {

/// All bytes of a file. Throws Error naming the file when it cannot be read.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path);

/// Writes a file that appears whole or not at all: the bytes go to a neighbour that is then renamed to `path`. Throws
/// Error naming the file when that fails, and leaves nothing behind.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace eigenbit
