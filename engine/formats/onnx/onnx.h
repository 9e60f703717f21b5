#pragma once

#include "engine/graph/model.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// What an ONNX file may leave open.
struct OnnxOptions {
    std::int64_t height = 0;  ///< pixels, where the file does not fix the image's height and the network depends on it
    std::int64_t width = 0;   ///< likewise
    /// Values, or nodes, up to which the network is imported: they are its outputs. Empty: all of it.
    std::vector<std::string> until{};
};

/// Reads a float network from an ONNX file (opset 7 to 24, images NCHW) into our layout (NHWC). Tensors may lie in
/// files beside it, in its folder.
///
/// Arithmetic on shapes is evaluated at import. The batch stays free, and so does the image size where the file leaves
/// it open and nothing depends on it. Preprocessing and class names come from the file's metadata
/// (`eigenbit.preprocessing`, `eigenbit.classes`). Throws Error naming the file, and the node where there is one, for a
/// malformed file; unsupported operators are listed all at once.
Model read_onnx(const std::filesystem::path& path, const OnnxOptions& options = {});
/// The same from memory, without files beside it; errors call the file by this name.
Model read_onnx(std::span<const std::uint8_t> bytes, std::string_view name, const OnnxOptions& options = {});

/// How an ONNX file is written.
struct OnnxWriteOptions {
    int opset = 13;  ///< 13, or 21, which has levels of 4 and of 16 bits
    /// Weights as the float values that they stand for, instead of levels with DequantizeLinear and products of these.
    bool flat = false;
    /// Bytes. What takes more keeps its tensors in a file NAME.onnx.data beside it: no ONNX file holds more than 2 GB.
    std::int64_t largest_file = std::numeric_limits<std::int32_t>::max();
};

/// Writes an ONNX file (images NCHW), and one beside it where a single one cannot hold the network, of which a warning
/// tells; whole or not at all. Throws Error when a file cannot be written, or the opset is another.
void write_onnx(const Model& model, const std::filesystem::path& path, const OnnxWriteOptions& options = {});

}  // namespace eigenbit::internal
