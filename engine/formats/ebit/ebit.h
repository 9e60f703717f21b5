#pragma once

#include "engine/formats/ebit/graph.h"
#include "engine/formats/ebit/levels.h"
#include "engine/formats/ebit/size_ledger.h"
#include "engine/formats/file.h"
#include "engine/graph/model.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// A packed file, docs/ebit-format.md, as it was read.
struct EbitFile {
    Model model;
    LevelStorage storage = LevelStorage::entropy;
};

/// Reads a file's bytes; `name` is what errors call it. Throws Error, naming the file and the field, for anything that
/// write_ebit would not have written. Memory is bounded by the length of the file (most_stored_elements).
EbitFile read_ebit(std::span<const std::uint8_t> bytes, std::string_view name);
EbitFile read_ebit(const std::filesystem::path& path);

/// A file whose levels stay in its bytes until they are needed (Quantized::source), which weights then keep alive.
/// Throws Error as read_ebit does, but for levels, where reading them does; and where the network is beyond a limit.
Model open_ebit(std::shared_ptr<const FileBytes> bytes, std::string_view name, const GraphLimits& limits = {});

/// A file's bytes, and what they are spent on.
struct EncodedEbit {
    std::vector<std::uint8_t> bytes;
    SizeLedger sizes;
};

/// The same model always gives the same bytes. Throws Error when it does not hang together.
EncodedEbit encode_ebit(const Model& model, LevelStorage storage);

/// Writes encode_ebit's bytes, whole or not at all, once they have been read back. Returns what they are spent on.
SizeLedger write_ebit(const Model& model, const std::filesystem::path& path, LevelStorage storage);

/// How many weights the parameters of a file of so many bytes may have in all: 1024 for each byte, and 2²⁰. A network
/// of 0.01 bits a weight stays below it; a small hostile file cannot ask for more than some megabytes.
std::int64_t most_stored_elements(std::size_t file_bytes);

}  // namespace eigenbit::internal
