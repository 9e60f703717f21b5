#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace eigenbit::cli {

/// What a file holds that the command writes.
enum class FileFormat { onnx, ebit, html, svg, json, checkpoint, png, npy, npz, safetensors };

struct OutputFile {
    std::string flag;  ///< that names it
    std::filesystem::path path;
    FileFormat format;
};

/// The files that a command line names. Those of data sets are not among them.
struct Files {
    std::vector<std::filesystem::path> inputs{};  ///< empty ones count as none
    std::vector<OutputFile> outputs{};
};

/// Before any work: throws Error, naming the flag, where an output is an input or another output by whatever name, has
/// the extension of another format, would replace a file that holds something else, or could not be written.
void check_files(const Files& files);

}  // namespace eigenbit::cli
