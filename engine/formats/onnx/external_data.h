#pragma once

#include "engine/formats/file.h"

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace eigenbit::internal {

/// The files beside an ONNX file in which tensors keep their data. Only what lies in its folder is read.
class ExternalData {
  public:
    /// No folder: the ONNX file is in memory, and has no files beside it.
    explicit ExternalData(std::optional<std::filesystem::path> folder) : folder_(std::move(folder)) {}

    static bool has_data(const onnx::TensorProto& tensor);
    /// The tensor's bytes, mapped. Throws Error when the file is missing or too short, when it is no regular file
    /// inside the folder, or when all tensors together ask for many times what their files hold.
    std::span<const std::uint8_t> bytes(const onnx::TensorProto& tensor);
    /// Gives the memory of mapped bytes back; they are read again when they are needed.
    void release_memory() const;

  private:
    const FileBytes& file(const std::string& location);

    std::optional<std::filesystem::path> folder_;
    std::map<std::string, FileBytes> files_;  ///< by location
    std::uint64_t held_ = 0;                  ///< bytes in these files
    std::uint64_t asked_ = 0;                 ///< bytes of tensors so far
};

}  // namespace eigenbit::internal
